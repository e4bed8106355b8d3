"""An operator gives a whole paid order's money back by the original route.

Deciding it and the money being back are two moments: `refund` decides and stops shipping; when the
provider has sent the money, `refunded` takes back what was fulfilled and the order becomes refunded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Moved, StockMovement
from shigu.catalogue.stock import Change
from shigu.kit.money import Fen
from shigu.ledger import posting
from shigu.orders import credits, history, origins, telling
from shigu.orders.errors import NotPaid
from shigu.orders.lines import by_kind, lines_of, lock_fulfilment
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order, Shipment, Status
from shigu.payments.locks import attempts_of_locked
from shigu.payments.models import Money, Why
from shigu.payments.refunding import give_back
from shigu.promotions import holding


def refund(order_id: int, *, by: int) -> Order:
    """Decide to refund a paid order; saying it twice changes nothing. NotPaid otherwise.

    1. Lock the order; it must be paid. What waits to be shipped is called back.
    2. Lock its attempts, what it fulfilled and its coupon: step 4 may need them, and credits come after.
    3. Credits it earned are taken back; those that are spent already are withheld from the money.
    4. What settled it goes back; where there is no money to send it is refunded at once.
    """
    with transaction.atomic(durable=True):
        [order] = locked_orders([order_id])
        if order.status != Status.PAID:
            raise NotPaid
        if order.refunding_at:
            return order
        origins.lock([order])
        now = clock.now()
        order.refunding_at = now
        order.save(update_fields=["refunding_at"])
        Shipment.objects.filter(pk=order_id, shipped_at=None).update(recalled_at=now)
        history.record([order_id], Status.PAID, Status.PAID, why="refunding", at=now, by=by)
        attempts = attempts_of_locked("order", [order_id])
        settled_by = next((one for one in attempts if one.money == Money.APPLIED), None)
        lock_fulfilment(lines_of([order]))
        holding.locked([order.grant_id] if order.grant_id else [])
        withheld = _take_earned_back(order, now)
        if settled_by and settled_by.amount > withheld:
            give_back(settled_by.pk, settled_by.amount - withheld, Why.REFUND, now=now)
        else:
            refunded([order], now=now)
    return order


def _take_earned_back(order: Order, now: datetime) -> Fen:
    """Take back what the order earned; what is not there any more, in fen."""
    if not order.earned:
        return 0
    moves, withheld = credits.take_back(order, credits.locked([order.user_id]))
    posting.post(moves, at=now)
    return withheld


def refunded(orders: Sequence[Order], *, now: datetime) -> None:
    """The money of these paid orders, locked by the caller, is back at their buyers.

    1. Status, history, notices. 2. Lines are taken back by kind. 3. The coupon and the credits that paid
    for it come back. 4. Unshipped pieces return; SKUs last.
    """
    ids = [order.pk for order in orders]
    Order.objects.filter(pk__in=ids).update(status=Status.REFUNDED, ended_at=now)
    history.record(ids, Status.PAID, Status.REFUNDED, why="refunded", at=now)
    telling.tell("order.refunded", ids, at=now)
    lines = lines_of(orders)
    lock_fulfilment(lines)
    back: dict[int, Change] = {}
    for kind, group in by_kind(lines):
        back |= kind.unfulfil(group, now=now)
    holding.give_back(ids, now=now)
    posting.post(credits.give_back_moves(orders), at=now)
    stock.record(
        StockMovement(
            sku_id=sku,
            kind=Moved.RETURN,
            pieces=change.on_hand,
            subject=f"refund of {ids}"[:60],
            at=now,
        )
        for sku, change in back.items()
    )
    stock.move(back)
