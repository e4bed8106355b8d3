"""Bills and what differs from them, in the back office: compare a day again, look at a difference.

A part of `admin.py`. Nobody edits these rows; what came of a difference is said once by whoever looked.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from shigu.kit.office import Act, Watched, log_all, shown
from shigu.payments import comparing
from shigu.payments.models import BillDay, BillState, Discord, Discrepancy
from shigu.payments.oddities import Odd

STATES = {
    BillState.WAITING.label: "info",
    BillState.AGREES.label: "success",
    BillState.DIFFERS.label: "danger",
    BillState.MISSING.label: "warning",
}
DISCORDS = {
    Discord.MISSING.label: "warning",
    Discord.SURPLUS.label: "danger",
    Discord.UNEQUAL.label: "danger",
}
OPEN = Q(looked_at=None, gone_at=None)


class OddBills(Odd):
    def odd(self) -> Q:
        """No bill came, or something on it nobody has looked at yet."""
        unseen = Discrepancy.objects.filter(OPEN).values("bill_id")
        return Q(state=BillState.MISSING) | Q(pk__in=unseen)


class OddDiscrepancies(Odd):
    def odd(self) -> Q:
        return OPEN


@admin.register(BillDay)
class BillDayAdmin(Watched):
    list_display = ["day", "provider", "state_shown", "found", "compared_at", "tries", "try_at"]
    list_filter = [OddBills, "state", "provider", "day"]
    list_per_page = 50
    actions = ["compare_again"]
    fields = [
        ("day", "provider"), ("state_shown", "found"), ("compared_at", "since"), ("tries", "try_at"),
    ]  # fmt: skip
    readonly_fields = ["state_shown", "found"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BillDay]:
        rows: QuerySet[BillDay] = super().get_queryset(request)
        still = Q(discrepancies__gone_at=None, discrepancies__isnull=False)
        return rows.annotate(differences=Count("discrepancies", filter=still))

    @display(description=_("state"), ordering="state", label=STATES)  # type: ignore[untyped-decorator]
    def state_shown(self, row: BillDay) -> str:
        return str(BillState(row.state).label)

    @admin.display(description=_("differences"))
    def found(self, row: BillDay) -> SafeString | str:
        count: int = getattr(row, "differences", 0)
        if not count:
            return "–"
        url = reverse("admin:payments_discrepancy_changelist")
        return format_html('<a href="{}?bill__id__exact={}">{}</a>', url, row.pk, count)

    @admin.action(description=_("Compare again"), permissions=["act"])
    def compare_again(self, request: HttpRequest, queryset: QuerySet[BillDay]) -> None:
        rows = list(queryset.order_by("pk"))
        count = comparing.again([row.pk for row in rows])
        log_all(request, rows, gettext("Compared again by an operator."))
        said = ngettext(
            "%(count)d day is compared again.", "%(count)d days are compared again.", count
        )
        messages.success(request, said % {"count": count})


class LookedForm(forms.Form):
    """What came of it, in a few words."""

    note = forms.CharField(
        label=_("What came of it"), max_length=200, widget=UnfoldAdminTextInputWidget
    )


@admin.register(Discrepancy)
class DiscrepancyAdmin(Watched):
    list_display = [
        "out_trade_no", "request_no", "kind_shown", "ours_shown", "theirs_shown", "bill", "found_at",
        "looked_at", "note",
    ]  # fmt: skip
    list_filter = [OddDiscrepancies, "kind", "found_at"]
    search_fields = ["=out_trade_no", "=request_no", "out_trade_no__startswith"]
    search_help_text = _("Order number or number at the provider")
    list_select_related = ["bill", "looked_by"]
    list_per_page = 50
    show_full_result_count = False
    actions_detail = ["look"]
    fields = [
        ("out_trade_no", "request_no"), ("kind_shown", "bill"), ("ours_shown", "theirs_shown"),
        ("found_at", "gone_at"), ("looked_at", "looked_by"), "note",
    ]  # fmt: skip
    readonly_fields = ["kind_shown", "ours_shown", "theirs_shown"]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Bills link to their own differences."""
        return lookup == "bill__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description=_("difference"), ordering="kind", label=DISCORDS)  # type: ignore[untyped-decorator]
    def kind_shown(self, row: Discrepancy) -> str:
        return str(Discord(row.kind).label)

    @admin.display(description=_("on our books"), ordering="ours")
    def ours_shown(self, row: Discrepancy) -> str:
        return shown(row.ours)

    @admin.display(description=_("on the bill"), ordering="theirs")
    def theirs_shown(self, row: Discrepancy) -> str:
        return shown(row.theirs)

    @action(  # type: ignore[untyped-decorator]
        description=_("Looked at"), permissions=["act"], variant=ActionVariant.PRIMARY
    )
    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, _looked)


def _looked(row: Discrepancy, by: int) -> Act:
    def do(data: dict[str, Any]) -> str:
        comparing.look_at(row.pk, by=by, note=data["note"])
        return gettext("Looked at: %(note)s") % {"note": data["note"]}

    return Act(
        title=_("Looked at"),
        words=_("Nothing is booked by this. It takes the difference off the list of what waits."),
        button=_("Looked at"),
        do=do,
        form=LookedForm,
        facts=[
            (_("number at the provider"), row.out_trade_no),
            (_("difference"), Discord(row.kind).label),
            (_("on our books"), shown(row.ours)),
            (_("on the bill"), shown(row.theirs)),
        ],
    )
