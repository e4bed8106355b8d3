"""A buyer or an operator cancels an unpaid order: everything comes back, and cashiers are closed.

Money that arrives for it afterwards always goes back (`settling`): the buyer said no.
"""

from __future__ import annotations

from django.db import transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.orders import history
from shigu.orders.errors import NotUnpaid
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order, Status
from shigu.orders.origins import origins
from shigu.orders.releasing import give_back
from shigu.payments.cancelling import ask_now


def cancel(order_id: int, *, by: int) -> Order:
    """Cancel one order for user `by`; saying it twice changes nothing. NotUnpaid when it is too late.

    1. Lock the order and what belongs to it where it comes from, read the clock.
    2. Status, history; it ends where it came from.
    3. Open attempts are asked (and so closed) at once: a code may still be on a screen.
    4. What it held comes back; SKUs last.
    """
    with transaction.atomic(durable=True):
        [order] = locked_orders([order_id])
        reached("orders.cancel.locked")
        if order.status == Status.CANCELLED:
            return order
        if order.status != Status.UNPAID:
            raise NotUnpaid
        rules = origins[order.origin]
        rules.refuse_cancelling(order, by=by)
        rules.lock([order_id])
        now = clock.now()
        order.status, order.due_at, order.ended_at = Status.CANCELLED, None, now
        order.save(update_fields=["status", "due_at", "ended_at"])
        history.record([order_id], Status.UNPAID, Status.CANCELLED, why="cancelled", at=now, by=by)
        rules.ended([order_id], Status.CANCELLED, now=now)
        ask_now("order", [order_id], now=now)
        give_back([order_id], now=now)
    return order
