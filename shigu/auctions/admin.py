"""Auctions in the back office: sessions and lots are composed, awards, deposits, bars and outages looked at.

Each act has its verb in the domain and a page that asks first (`admin_acts`); every one is on record.
"""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from shigu import clock
from shigu.auctions import admin_acts
from shigu.auctions.admin_lots import LotAdmin
from shigu.auctions.admin_sessions import SessionAdmin
from shigu.auctions.models import (
    Award,
    AwardState,
    Ban,
    Deposit,
    DepositState,
    Lot,
    Outage,
    Session,
)
from shigu.kit.office import Watched, confirmed, shown

admin.site.register(Session, SessionAdmin)
admin.site.register(Lot, LotAdmin)

AWARDS = {
    AwardState.PENDING.value: "warning",
    AwardState.PAID.value: "success",
    AwardState.OVERDUE.value: "danger",
    AwardState.CANCELLED.value: "default",
}
DEPOSITS = {
    DepositState.PENDING.value: "warning",
    DepositState.HELD.value: "info",
    DepositState.DECIDED.value: "success",
    DepositState.LAPSED.value: "default",
}


@admin.register(Award)
class AwardAdmin(Watched):
    list_display = ["lot", "user", "hammer", "state_shown", "second_chance", "pay_by", "lost"]
    list_filter = ["state", "second_chance"]
    search_fields = ["=user__username", "lot__name_zh", "lot__name_en", "=order__number"]
    list_select_related = ["lot__session", "user", "order"]
    actions_detail = ["reverse"]
    fields = [
        ("lot", "user"), ("hammer", "state_shown"), ("order_link", "deposit"), ("at", "pay_by"),
        ("decided_at", "second_chance"), ("lost", "reversed_at"),
    ]  # fmt: skip
    readonly_fields = ["hammer", "state_shown", "order_link", "lost"]

    @admin.display(description=_("price"))
    def hammer(self, award: Award) -> str:
        return shown(award.price)

    @admin.display(description=_("forfeited"))
    def lost(self, award: Award) -> str:
        return shown(award.forfeited) if award.forfeited else "–"

    @display(description=_("state"), ordering="state", label=AWARDS)  # type: ignore[untyped-decorator]
    def state_shown(self, award: Award) -> tuple[int, str]:
        return award.state, award.get_state_display()

    @admin.display(description=_("order"))
    def order_link(self, award: Award) -> SafeString:
        url = reverse("admin:orders_order_change", args=[award.order_id])
        return format_html('<a href="{}">{}</a>', url, award.order.number)

    @action(description=_("Give a forfeit back"), permissions=["reverse"])  # type: ignore[untyped-decorator]
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        award = self.get_object(request, object_id)
        if award is None:
            raise Http404
        return confirmed(self, request, award, admin_acts.reverse(award, request.user.pk or 0))

    def has_reverse_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """The button stands only where something was forfeited; the verb decides when it is sent."""
        if not self.has_act_permission(request) or not str(object_id).isdecimal():
            return False
        lost = Award.objects.filter(pk=str(object_id), forfeited__gt=0, reversed_at=None)
        return request.method == "POST" or lost.exists()


@admin.register(Deposit)
class DepositAdmin(Watched):
    list_display = [
        "number",
        "user",
        "session",
        "lot",
        "sum",
        "state_shown",
        "back",
        "lost",
        "paid_at",
    ]
    list_filter = ["state"]
    search_fields = ["=number", "=user__username", "=session__slug"]
    list_select_related = ["user", "session", "lot"]
    fields = [
        ("number", "user"), ("session", "lot"), ("sum", "state_shown"), ("back", "lost", "counted"),
        ("asked_at", "pay_by"), ("paid_at", "ended_at"),
    ]  # fmt: skip
    readonly_fields = ["sum", "state_shown", "back", "lost", "counted"]

    @admin.display(description=_("amount"), ordering="amount")
    def sum(self, deposit: Deposit) -> str:
        return shown(deposit.amount)

    @admin.display(description=_("returned"))
    def back(self, deposit: Deposit) -> str:
        return shown(deposit.returned)

    @admin.display(description=_("forfeited"))
    def lost(self, deposit: Deposit) -> str:
        return shown(deposit.forfeited)

    @admin.display(description=_("counted toward a price"))
    def counted(self, deposit: Deposit) -> str:
        return shown(deposit.applied)

    @display(description=_("state"), ordering="state", label=DEPOSITS)  # type: ignore[untyped-decorator]
    def state_shown(self, deposit: Deposit) -> tuple[int, str]:
        return deposit.state, deposit.get_state_display()


@admin.register(Ban)
class BanAdmin(Watched):
    list_display = ["user", "since", "until", "because", "lifted_at", "note"]
    list_filter = [("lifted_at", admin.EmptyFieldListFilter)]
    search_fields = ["=user__username"]
    list_select_related = ["user", "award__lot"]
    fields = [("user", "because"), ("since", "until"), ("lifted_at", "note")]
    readonly_fields = ["because"]
    actions_detail = ["lift"]

    @admin.display(description=_("lot not paid"))
    def because(self, ban: Ban) -> str:
        return ban.award.lot.name if ban.award else "–"

    @action(description=_("Lift this bar"), permissions=["lift"])  # type: ignore[untyped-decorator]
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        ban = self.get_object(request, object_id)
        if ban is None:
            raise Http404
        return confirmed(self, request, ban, admin_acts.lift(ban))

    def has_lift_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        if not self.has_act_permission(request) or not str(object_id).isdecimal():
            return False
        standing = Ban.objects.filter(pk=str(object_id), lifted_at=None, until__gt=clock.now())
        return request.method == "POST" or standing.exists()


@admin.register(Outage)
class OutageAdmin(Watched):
    list_display = ["since", "until", "lots"]
