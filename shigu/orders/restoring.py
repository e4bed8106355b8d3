"""An expired order comes back to life at its buyer's wish: same lines, a fresh time to pay.

Only where everything still stands: on sale, same price, pieces free, course not bought meanwhile. Each
refusal names what is in the way, and nothing is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Sku
from shigu.catalogue.stock import Change
from shigu.kit.money import yuan
from shigu.orders import history
from shigu.orders.buying import refuse_courses_in_hand
from shigu.orders.errors import NotExpired, OutOfStock, PriceChanged, TakenDown
from shigu.orders.lines import Owned, lines_of, pieces
from shigu.orders.locks import lock_buyers, locked_orders
from shigu.orders.models import Order, Status
from shigu.payments.models import Attempt, State


def restore(order_id: int, *, by: int) -> Order:
    """Make an expired order unpaid again for its buyer `by`; a Refusal says why not.

    1. Lock the buyer (courses are bought once), then the order; read the clock.
    2. Check what is offered, then the courses in hand.
    3. Lock the SKUs, see whether the pieces are there, hold them.
    4. Next round, fresh `pay_by`, history.
    """
    with transaction.atomic(durable=True):
        lock_buyers([by])
        [order] = locked_orders([order_id])
        if order.status != Status.EXPIRED:
            raise NotExpired
        now = clock.now()
        lines = lines_of([order])
        _refuse_changed(lines)
        refuse_courses_in_hand(
            [
                (by, owned.line.product_id, owned.line.name)
                for owned in lines
                if owned.line.kind == "course"
            ],
            now=now,
        )
        _hold(lines)
        _reopen(order, now)
        history.record([order_id], Status.EXPIRED, Status.UNPAID, why="restored", at=now, by=by)
    return order


def _refuse_changed(lines: Sequence[Owned]) -> None:
    offered = Sku.objects.select_related("product").in_bulk([owned.line.sku_id for owned in lines])
    for line in (owned.line for owned in lines):
        sku = offered[line.sku_id]
        if not (sku.on_sale and sku.product.on_sale):
            raise TakenDown(name=line.name)
        if sku.price != line.unit_price:
            raise PriceChanged(name=line.name, now=yuan(sku.price), seen=yuan(line.unit_price))


def _hold(lines: Sequence[Owned]) -> None:
    wanted = pieces(lines)
    free = stock.locked_free(wanted)
    for line in (owned.line for owned in lines):
        if line.sku_id in wanted and free.get(line.sku_id, 0) < line.quantity:
            raise OutOfStock(name=line.name, left=free.get(line.sku_id, 0))
    stock.move({sku: Change(held=count) for sku, count in wanted.items()})


def _reopen(order: Order, now: datetime) -> None:
    order.status, order.ended_at, order.round = Status.UNPAID, None, order.round + 1
    order.pay_by = now + settings.PAY_WINDOW
    # A provider may still owe a word on an attempt of an earlier round: wait for it, up to the backstop.
    waiting = Attempt.objects.filter(
        purpose="order", subject_id=order.pk, state=State.OPEN
    ).exists()
    order.due_at = order.pay_by + settings.ASK_BACKSTOP if waiting else order.pay_by
    order.save(update_fields=["status", "ended_at", "round", "pay_by", "due_at"])
