"""The months in the back office: a list, a page for each, all of them as CSV; a month may be counted again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from shigu.kit.office import Act, Watched, shown
from shigu.reporting.closing import close
from shigu.reporting.models import Month
from shigu.reporting.tables import table


@admin.register(Month)
class MonthAdmin(Watched):
    list_display = [
        "__str__", "placed", "paid", "lapsed", "takings_shown", "refunds_shown", "forfeits_shown",
        "net_shown", "credits_issued", "credits_redeemed",
    ]  # fmt: skip
    list_per_page = 24
    actions_list = ["download"]
    actions_detail = ["count_again"]
    readonly_fields = [
        "takings_shown", "from_balance_shown", "refunds_shown", "forfeits_shown", "net_shown",
        "top_ups_shown",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": [("first", "zone"), "counted_at"]}),
        (_("Orders"), {"fields": [("placed", "paid"), ("lapsed", "cancelled")]}),
        (
            _("Money"),
            {
                "fields": [
                    ("takings_shown", "from_balance_shown"),
                    ("refunds_shown", "forfeits_shown"),
                    ("net_shown", "top_ups_shown"),
                ]
            },
        ),
        (_("Credits"), {"fields": [("credits_issued", "credits_redeemed")]}),
    ]

    @admin.display(description=_("takings"), ordering="takings")
    def takings_shown(self, row: Month) -> str:
        return shown(row.takings)

    @admin.display(description=_("of them from balances"), ordering="from_balance")
    def from_balance_shown(self, row: Month) -> str:
        return shown(row.from_balance)

    @admin.display(description=_("refunds"), ordering="refunds")
    def refunds_shown(self, row: Month) -> str:
        return shown(row.refunds)

    @admin.display(description=_("forfeits"), ordering="forfeits")
    def forfeits_shown(self, row: Month) -> str:
        return shown(row.forfeits)

    @admin.display(description=_("net"))
    def net_shown(self, row: Month) -> str:
        return shown(row.net)

    @admin.display(description=_("top-ups"), ordering="top_ups")
    def top_ups_shown(self, row: Month) -> str:
        return shown(row.top_ups)

    @action(description=_("Download as CSV"), permissions=["view"], url_path="csv")  # type: ignore[untyped-decorator]
    def download(self, request: HttpRequest) -> HttpResponse:
        """Every month there is, the oldest first."""
        answer = HttpResponse(
            table(Month.objects.order_by("first")), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = 'attachment; filename="months.csv"'
        return answer

    @action(description=_("Count again"), permissions=["act"])  # type: ignore[untyped-decorator]
    def count_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, lambda row, _by: _counting(row))


def _counting(row: Month) -> Act:
    def do(data: dict[str, Any]) -> str:
        found = close(row.first)
        return gettext("Counted again: %(net)s net.") % {"net": shown(found.net)}

    return Act(
        title=_("Count again"),
        words=_("The month is counted anew from the orders' history and the ledger."),
        button=_("Count again"),
        do=do,
        facts=[(_("month"), str(row)), (_("net"), shown(row.net))],
    )
