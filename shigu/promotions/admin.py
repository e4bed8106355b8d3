"""Coupons in the back office: made, given to many with a bar that moves, stopped; grants found and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.office import Acting, Watched, log_all, page
from shigu.promotions import acts, coupon_words, lists
from shigu.promotions.models import Coupon, Grant, GrantState
from shigu.promotions.offering import CouponForm
from shigu.promotions.revoking import revoke

COLOURS = {
    GrantState.UNUSED.value: "success",
    GrantState.HELD.value: "warning",
    GrantState.USED.value: "info",
    GrantState.LAPSED.value: "default",
    GrantState.REVOKED.value: "danger",
}
SHOWN = 6
"""Issuings that a coupon's page shows."""

PATIENCE = timedelta(seconds=10)
"""A batch that is due longer than this waits for a clock."""


@admin.register(Coupon)
class CouponAdmin(Acting):
    form = CouponForm
    list_display = ["__str__", "worth", "way", "left", "valid_from", "valid_until", "offered"]
    list_filter = ["way", "on_offer", "kind", "reach"]
    search_fields = ["name_zh", "name_en", "=code"]
    search_help_text = _("Name or code")
    autocomplete_fields = ["directions", "categories", "products"]
    conditional_fields = {
        "amount": "kind == 'fixed'",
        "percent": "kind == 'rate'",
        "on_all_lines": "kind == 'rate'",
        "directions": "reach == 'direction'",
        "categories": "reach == 'category'",
        "products": "reach == 'product'",
        "code": "way == 'code'",
    }
    warn_unsaved_form = True
    change_form_outer_before_template = "promotions/issuings.html"
    actions_detail = ["issue", "withdraw", "revoke_unused"]
    fieldsets = [
        (None, {"fields": [("name_zh", "name_en")]}),
        (_("Takes off"), {"fields": [("kind", "amount", "percent"), "least", "on_all_lines"]}),
        (_("Covers"), {"fields": ["reach", "directions", "categories", "products"]}),
        (
            _("Who gets it"),
            {"fields": [("way", "code"), ("total", "per_user"), "on_offer"]},
        ),
        (_("Valid"), {"fields": ["valid_from", "valid_until"]}),
        (_("What became of them"), {"fields": ["figures"]}),
    ]
    readonly_fields = ["figures"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # people have it; it is stopped instead

    def has_withdraw_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, on_offer=True)

    def save_model(self, request: HttpRequest, obj: Coupon, form: Any, change: bool) -> None:
        """Only what was changed: `issued` grows by itself meanwhile."""
        obj.save(update_fields=form.changed_columns() if change else None)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.issuings))
        own = path("<int:coupon_id>/issuings/", view, name="promotions_coupon_issuings")
        return [own, *super().get_urls()]

    def issuings(self, request: HttpRequest, coupon_id: int) -> HttpResponse:
        """How far each giving of this coupon is: the part of its page that moves."""
        coupon = self.get_object(request, str(coupon_id))
        if coupon is None or not self.has_view_permission(request, coupon):
            raise Http404
        return render(request, "promotions/issuings.html", _progress(coupon))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        if coupon := more.get("obj"):
            context |= _progress(coupon)
        rendered: HttpResponse = super().render_change_form(request, context, *args, **more)
        return rendered

    @admin.display(description=_("takes off"))
    def worth(self, coupon: Coupon) -> str:
        return coupon_words.terms(coupon)

    @admin.display(description=_("left"))
    def left(self, coupon: Coupon) -> str:
        return f"{coupon.left} / {coupon.total}"

    @display(description=_("on offer"), boolean=True, ordering="on_offer")  # type: ignore[untyped-decorator]
    def offered(self, coupon: Coupon) -> bool:
        return coupon.on_offer

    @admin.display(description=_("issued"))
    def figures(self, coupon: Coupon) -> SafeString | str:
        if coupon.pk is None:
            return "–"
        now = clock.now()
        found = coupon.grants.aggregate(
            held=Count("pk", filter=Q(state=GrantState.HELD)),
            **{tab: Count("pk", filter=lists.tab_of(tab, now)) for tab in lists.TABS},
        )
        said = gettext(
            "%(issued)d issued: %(unused)d unused (%(held)d of them held by orders), %(used)d used,"
            " %(lapsed)d lapsed or revoked"
        )
        where = reverse("admin:promotions_grant_changelist")
        return format_html(
            '<a href="{}?coupon_id={}">{}</a>',
            where,
            coupon.pk,
            said % {**found, "issued": coupon.issued},
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Give to many"), permissions=["act"], variant=ActionVariant.PRIMARY
    )
    def issue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.issue)

    @action(description=_("Stop offering"), permissions=["withdraw"])  # type: ignore[untyped-decorator]
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, lambda coupon, _by: acts.withdraw(coupon))

    @action(description=_("Revoke what is unused"), permissions=["act"])  # type: ignore[untyped-decorator]
    def revoke_unused(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.revoke_unused)


def _progress(coupon: Coupon) -> dict[str, Any]:
    rows = list(coupon.issuings.all()[:SHOWN])
    now = clock.now()
    return {
        "issuings": rows,
        "is_moving": any(row.due_at for row in rows),
        "is_waiting": any(row.due_at and row.due_at < now - PATIENCE for row in rows),
        "issuings_url": reverse("admin:promotions_coupon_issuings", args=[coupon.pk]),
    }


class ByState(admin.SimpleListFilter):
    """By what a coupon is now, whether the clock came by or not."""

    title = _("state")
    parameter_name = "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return list(GrantState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        state = str(self.value())
        if state not in GrantState:
            return queryset
        return queryset.filter(lists.in_state(GrantState(state), clock.now()))


@admin.register(Grant)
class GrantAdmin(Watched):
    list_display = ["coupon", "user", "state_shown", "way", "got_at", "valid_until", "order"]
    list_filter = [ByState, "way", "got_at"]
    search_fields = ["user__username"]  # in full, and mail addresses: see get_search_results
    search_help_text = _("User name or mail address, in full")
    list_select_related = ["coupon", "user"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["revoke_selected"]
    actions_detail = ["revoke"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("coupon", "takes_off"),
                    ("user", "state_word"),
                    ("way", "got_at"),
                    ("valid_from", "valid_until"),
                    ("order", "used_at"),
                    ("revoked_at", "revoked_by"),
                    "reason",
                ]
            },
        )
    ]
    readonly_fields = ["takes_off", "state_word", "order", "revoked_by"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "coupon_id" or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Grant], search_term: str
    ) -> tuple[QuerySet[Grant], bool]:
        """Exactly this person's: by index, however many grants there are."""
        term = search_term.strip()
        if not term:
            return queryset, False
        who = User.objects.annotate(mail=Lower("email")).filter(
            Q(username=term) | Q(mail=term.lower())
        )
        return queryset.filter(user__in=list(who)), False

    @display(description=_("state"), ordering="state", label=COLOURS)  # type: ignore[untyped-decorator]
    def state_shown(self, grant: Grant) -> tuple[str, str]:
        state = grant.state_at(clock.now())
        return state.value, str(state.label)

    @admin.display(description=_("state"))
    def state_word(self, grant: Grant) -> str:
        return str(self.state_shown(grant)[1])

    @admin.display(description=_("takes off"))
    def takes_off(self, grant: Grant) -> str:
        return f"{coupon_words.terms(grant.coupon)} · {coupon_words.covered(grant.coupon)}"

    @admin.display(description=_("order"))
    def order(self, grant: Grant) -> SafeString | str:
        if not grant.order_id:
            return "–"
        url = reverse("admin:orders_order_change", args=[grant.order_id])
        return format_html('<a href="{}">#{}</a>', url, grant.order_id)

    @admin.display(description=_("revoked by"))
    def revoked_by(self, grant: Grant) -> str:
        who = User.objects.filter(pk=grant.by_id).first() if grant.by_id else None
        return who.get_username() if who else "–"

    @action(description=_("Revoke"), permissions=["revoke"])  # type: ignore[untyped-decorator]
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.revoke)

    def has_revoke_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, lists.in_state(GrantState.UNUSED, clock.now()))

    @admin.action(description=_("Revoke"), permissions=["act"])
    def revoke_selected(
        self, request: HttpRequest, queryset: QuerySet[Grant]
    ) -> HttpResponse | None:
        """Asks why, then revokes what can be revoked and names the rest."""
        form = acts.ReasonForm(request.POST if "apply" in request.POST else None)
        ids = list(queryset.order_by("pk").values_list("pk", flat=True))
        if not form.is_valid():
            return self._ask_why(request, form, ids)
        done = revoke(ids, by=request.user.pk or 0, reason=form.cleaned_data["reason"])
        said = acts.said_of(done)
        kept = {grant.pk for grant, _state in done.kept}
        gone = list(Grant.objects.filter(pk__in=[pk for pk in ids if pk not in kept]))
        log_all(request, gone, gettext("Revoked: %(reason)s") % form.cleaned_data)
        tell = messages.warning if done.kept else messages.success
        tell(request, said)
        return None

    def _ask_why(
        self, request: HttpRequest, form: acts.ReasonForm, ids: Sequence[int]
    ) -> HttpResponse:
        more = {
            "form": form,
            "count": len(ids),
            "selected": request.POST.getlist("_selected_action"),
            "across": request.POST.get("select_across", "0"),
            "back": request.get_full_path(),
        }
        return page(self, request, "promotions/revoke.html", gettext("Revoke coupons"), **more)
