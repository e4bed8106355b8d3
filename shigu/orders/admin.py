"""Orders in the back office: found, looked at, and moved only by the verbs of this app."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from shigu.accounts.models import User
from shigu.kit.errors import Refusal
from shigu.kit.office import Watched, log, shown
from shigu.orders import acts, cancelling
from shigu.orders.models import Order, OrderEvent, OrderLine, Shipment, Status
from shigu.payments.models import Attempt

COLOURS = {
    "unpaid": "warning",
    "paid": "success",
    "cancelled": "default",
    "expired": "default",
    "refunded": "info",
    "going-back": "warning",
}

WHY = {
    "placed": _("order placed"),
    "paid": _("the payment arrived"),
    "revived": _("paid late, and everything could be had again"),
    "cancelled": _("cancelled"),
    "time": _("the time to pay was over"),
    "restored": _("restored by the buyer"),
    "shipped": _("shipped"),
    "refunding": _("a refund was decided"),
    "refunded": _("the money is back"),
}


class Lines(TabularInline):
    """What was bought, as it was when it was bought."""

    model = OrderLine
    hide_title = True
    extra = 0
    can_delete = False
    verbose_name_plural = _("Lines")
    fields = ["what", "choice", "pieces", "each", "amount"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=_("what"))
    def what(self, line: OrderLine) -> str:
        return line.name

    @admin.display(description=_("choice"))
    def choice(self, line: OrderLine) -> str:
        return line.label or "–"

    @admin.display(description=_("pieces"))
    def pieces(self, line: OrderLine) -> int:
        return line.quantity

    @admin.display(description=_("each"))
    def each(self, line: OrderLine) -> str:
        return shown(line.unit_price)

    @admin.display(description=_("to pay"))
    def amount(self, line: OrderLine) -> str:
        return shown(line.payable)


class History(TabularInline):
    """Who moved it, when and why."""

    model = OrderEvent
    hide_title = True
    extra = 0
    can_delete = False
    verbose_name_plural = pgettext_lazy("order", "History")
    fields = ["moment", "becomes", "reason", "who"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=_("when"))
    def moment(self, event: OrderEvent) -> str:
        return date_format(localtime(event.at), "Y-m-d H:i:s")

    @admin.display(description=_("status"))
    def becomes(self, event: OrderEvent) -> str:
        return str(Status(event.status).label)

    @admin.display(description=_("why"))
    def reason(self, event: OrderEvent) -> str:
        return str(WHY.get(event.why, event.why))

    @admin.display(description=_("by"))
    def who(self, event: OrderEvent) -> str:
        return gettext("user %(id)s") % {"id": event.by_id} if event.by_id else gettext("by itself")


@admin.register(Order)
class OrderAdmin(Watched):
    list_display = ["number", "status_shown", "buyer", "amount", "placed_at", "deadline", "to_ship"]
    list_filter = ["status", "placed_at"]
    search_fields = ["number"]  # and people: see get_search_results
    search_help_text = _("Order number, user name or mail address, in full")
    list_select_related = ["user", "shipment"]
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = None
    inlines = [Lines, History]
    actions = ["cancel_selected"]
    actions_detail = ["cancel", "ship", "refund"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("number", "status_word"),
                    ("buyer", "amount"),
                    ("placed_at", "pay_by"),
                    ("settled_at", "ended_at"),
                    "sent_to",
                    "shipment_shown",
                    "payments",
                ]
            },
        )
    ]
    readonly_fields = ["status_word", "buyer", "amount", "shipment_shown", "payments"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Exactly this number, or this person's orders: by index, however many orders there are."""
        term = search_term.strip()
        if not term:
            return queryset, False
        who = User.objects.annotate(mail=Lower("email")).filter(
            Q(username=term) | Q(mail=term.lower())
        )
        return queryset.filter(Q(number=term) | Q(user__in=list(who))), False

    @display(description=_("status"), ordering="status", label=COLOURS)  # type: ignore[untyped-decorator]
    def status_shown(self, order: Order) -> tuple[str, str]:
        if order.refunding_at and order.status == Status.PAID:
            return "going-back", gettext("Money going back")
        status = Status(order.status)
        return status.name.lower(), str(status.label)

    @admin.display(description=_("status"))
    def status_word(self, order: Order) -> str:
        """Without the colour, which only lists can show."""
        return str(self.status_shown(order)[1])

    @admin.display(description=_("buyer"))
    def buyer(self, order: Order) -> str:
        return order.user.get_username()

    @admin.display(description=_("to pay"), ordering="payable")
    def amount(self, order: Order) -> str:
        return shown(order.payable)

    @admin.display(description=_("due"), ordering="due_at")
    def deadline(self, order: Order) -> Any:
        return order.due_at or "–"

    @display(description=_("shipping"), label={True: "warning"})  # type: ignore[untyped-decorator]
    def to_ship(self, order: Order) -> tuple[bool, str] | str:
        shipment = getattr(order, "shipment", None)
        if shipment is None:
            return "–"
        if shipment.shipped_at:
            return gettext("shipped")
        return gettext("called back") if shipment.recalled_at else (True, gettext("to ship"))

    @admin.display(description=_("shipping"))
    def shipment_shown(self, order: Order) -> str:
        shipment = getattr(order, "shipment", None)
        if shipment is None:
            return gettext("nothing to ship")
        if not shipment.shipped_at:
            return gettext("called back") if shipment.recalled_at else gettext("to ship")
        return f"{shipment.carrier} {shipment.tracking_no}"

    @admin.display(description=_("payments"))
    def payments(self, order: Order) -> SafeString | str:
        rows = Attempt.objects.filter(purpose="order", subject_id=order.pk).order_by("pk")
        told = [
            (row.out_trade_no, row.provider, shown(row.amount), row.get_state_display())
            for row in rows
        ]
        if not told:
            return gettext("none opened")
        return format_html_join(mark_safe("<br>"), "{} · {} · {} · {}", told)

    @admin.action(description=_("Cancel unpaid orders"), permissions=["act"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        done = 0
        for order in queryset.order_by("pk"):
            try:
                cancelling.cancel(order.pk, by=request.user.pk or 0)
            except Refusal as refusal:
                messages.warning(request, f"{order.number}: {refusal.message}")
            else:
                log(request, order, gettext("Cancelled by an operator."))
                done += 1
        said = ngettext("%(count)d order was cancelled.", "%(count)d orders were cancelled.", done)
        messages.success(request, said % {"count": done})

    @action(description=_("Cancel"), permissions=["cancel"])  # type: ignore[untyped-decorator]
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.cancel)

    @action(description=_("Ship"), permissions=["ship"], variant=ActionVariant.PRIMARY)  # type: ignore[untyped-decorator]
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.ship)

    @action(description=_("Refund"), permissions=["refund"])  # type: ignore[untyped-decorator]
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, acts.refund)

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, status=Status.UNPAID)

    def has_ship_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        waiting = {"shipment__shipped_at": None, "shipment__isnull": False, "refunding_at": None}
        return self._may(request, object_id, status=Status.PAID, **waiting)

    def has_refund_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, status=Status.PAID, refunding_at=None)


@admin.register(Shipment)
class ShipmentAdmin(Watched):
    """What waits to be shipped, the oldest first; shipping itself is done on the order."""

    list_display = [
        "order",
        "buyer",
        "since",
        "shipped_at",
        "carrier",
        "tracking_no",
        "recalled_at",
    ]
    list_filter = [
        ("shipped_at", admin.EmptyFieldListFilter),
        ("recalled_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["=order__number", "=tracking_no"]
    list_select_related = ["order__user"]
    show_full_result_count = False
    ordering = ["since"]

    @admin.display(description=_("buyer"))
    def buyer(self, shipment: Shipment) -> str:
        return shipment.order.user.get_username()
