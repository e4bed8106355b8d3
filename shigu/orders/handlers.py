"""Doors that orders open: for payments (what an order's money does), for lines, for the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import F

from shigu import clock
from shigu.catalogue.models import Kind
from shigu.kit.auditing import audits
from shigu.notices.letters import events
from shigu.orders import letters, origins, refunding, reminding, settling, telling, told
from shigu.orders.auditing import INVARIANTS
from shigu.orders.errors import NotUnpaid, TimeIsUp
from shigu.orders.expiry import expire
from shigu.orders.lines import line_kinds
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order, Origin, Status
from shigu.orders.shipping import GoodsLines
from shigu.payments.models import Attempt, Refund, Why
from shigu.payments.purposes import SOLD, Home, Payable, Verdict, purposes


class OrderPurpose:
    """What payments ask of orders; see `payments.purposes.Purpose` for each verb's promise."""

    def lock(self, subject_ids: Sequence[int]) -> None:
        """Lock the orders in pk order, and what belongs to them where they come from."""
        origins.lock(locked_orders(subject_ids))

    def lock_all(self, subject_ids: Sequence[int]) -> None:
        """What their lines, coupons, credits and pieces need."""
        settling.lock_all(list(Order.objects.filter(pk__in=subject_ids).order_by("pk")))

    def payable(self, subject_id: int, *, now: datetime) -> Payable:
        """An unpaid order within its time; NotUnpaid or TimeIsUp otherwise."""
        order = Order.objects.get(pk=subject_id)
        if order.status != Status.UNPAID:
            raise NotUnpaid
        if not order.is_payable(now):
            raise TimeIsUp
        origins.origins[order.origin].refuse_paying(order)
        names = ", ".join(line.name for line in order.lines.all()[:2])
        return Payable(order.user_id, order.payable, order.pay_by, names, order.number)

    def opened(self, subject_id: int, *, now: datetime) -> None:
        """From now on the provider has a word: due at the backstop, computed from `pay_by`."""
        waiting = Order.objects.filter(pk=subject_id, status=Status.UNPAID)
        origin = Order.objects.values_list("origin", flat=True).get(pk=subject_id)
        waiting.update(due_at=F("pay_by") + origins.origins[origin].backstop)

    def home(self, attempt: Attempt) -> Home:
        """What an order brings in is the house's."""
        return SOLD

    def settle(self, attempts: Sequence[Attempt], *, now: datetime) -> Mapping[int, Verdict]:
        """Settle, revive or send back, one attempt after the other."""
        orders = Order.objects.in_bulk({attempt.subject_id for attempt in attempts})
        return settling.settle_attempts(attempts, orders, now)

    def ended(self, subject_ids: Sequence[int], *, now: datetime) -> None:
        """Nobody can pay these any more through an open cashier: due at `pay_by` again."""
        Order.objects.filter(pk__in=subject_ids, status=Status.UNPAID).update(due_at=F("pay_by"))
        clock.hint(expire)

    def refunded(self, refunds: Sequence[Refund], *, now: datetime) -> None:
        """Refunds that an operator decided end their orders; money that came in vain changes none."""
        ids = [refund.attempt.subject_id for refund in refunds if refund.why == Why.REFUND]
        refunding.refunded(list(Order.objects.filter(pk__in=ids).order_by("pk")), now=now)
        telling.tell_returned([refund for refund in refunds if refund.why != Why.REFUND], at=now)


__all__ = ["reminding"]

origins.origins.register(Origin.SHOP, origins.Shop())
purposes.register("order", OrderPurpose())
for name, event in letters.EVENTS.items():
    events.register(name, event)
line_kinds.register(Kind.GOODS, GoodsLines())
audits.extend([*INVARIANTS, *told.INVARIANTS])
