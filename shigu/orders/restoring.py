"""An expired order comes back to life at its buyer's wish: same lines, a fresh time to pay.

Only where everything still stands: on sale, same prices and offers, coupon and credits free again,
pieces there, course not bought meanwhile. Each refusal names what is in the way, and nothing is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Kind, Sku
from shigu.catalogue.stock import Change
from shigu.kit.money import yuan
from shigu.ledger import posting
from shigu.orders import credits, history, quoting, reminding
from shigu.orders.buying import courses_in_hand
from shigu.orders.errors import (
    CouponGone,
    CreditsShort,
    NotExpired,
    OfferChanged,
    OutOfStock,
    PriceChanged,
    TakenDown,
    TotalChanged,
)
from shigu.orders.lines import Owned, lines_of, pieces
from shigu.orders.locks import lock_buyers, locked_orders
from shigu.orders.models import Order, OrderLine, Status
from shigu.orders.origins import origins
from shigu.orders.pricing import Quote, Voucher
from shigu.payments.models import Attempt, State
from shigu.promotions import holding


def restore(order_id: int, *, by: int) -> Order:
    """Make an expired order unpaid again for its buyer `by`; a Refusal says why not.

    1. Lock the buyer (courses are bought once), then the order; read the clock.
    2. Check what is offered, then the courses in hand.
    3. Lock coupon and credits; everything together must cost what it did.
    4. Next round, fresh `pay_by`, history; hold coupon and credits.
    5. Lock the SKUs, see whether the pieces are there, hold them.
    """
    with transaction.atomic(durable=True):
        lock_buyers([by])
        [order] = locked_orders([order_id])
        if order.status != Status.EXPIRED:
            raise NotExpired
        origins[order.origin].refuse_restoring(order)
        now = clock.now()
        lines = lines_of([order])
        offered = _offered(lines)
        _refuse_courses(lines, now)
        _refuse_changed(order, lines, _quote(order, lines, offered, now))
        _reopen(order, now)
        _hold_wallet(order, now)
        _hold_pieces(lines)
        history.record([order_id], Status.EXPIRED, Status.UNPAID, why="restored", at=now, by=by)
    return order


def _offered(lines: Sequence[Owned]) -> dict[int, Sku]:
    rows = Sku.objects.select_related("product__category")
    offered = rows.in_bulk([owned.line.sku_id for owned in lines])
    for line in (owned.line for owned in lines):
        sku = offered[line.sku_id]
        if not (sku.on_sale and sku.product.on_sale):
            raise TakenDown(name=line.name)
        price = quoting.unit_price(sku, renew=line.is_renewal)
        if price != line.unit_price:
            raise PriceChanged(name=line.name, now=yuan(price), seen=yuan(line.unit_price))
    return offered


def _refuse_courses(lines: Sequence[Owned], now: datetime) -> None:
    """A course bought meanwhile, or a renewal of one that runs no more."""
    courses = {
        (owned.order.user_id, owned.line.product_id): owned.line
        for owned in lines
        if owned.line.kind == Kind.COURSE
    }
    in_hand = courses_in_hand(courses, now=now)
    for pair, line in courses.items():
        if found := in_hand.refusal(pair, line.name, renew=line.is_renewal):
            raise found


def _quote(order: Order, lines: Sequence[Owned], offered: dict[int, Sku], now: datetime) -> Quote:
    wanted = [
        quoting.wanted(offered[line.sku_id], line.quantity, renew=line.is_renewal)
        for line in (owned.line for owned in lines)
    ]
    terms = quoting.terms([order.user_id], now)
    return terms.quote(order.user_id, wanted, coupon=_coupon(order, now), credits=order.credits)


def _coupon(order: Order, now: datetime) -> Voucher | None:
    if order.grant_id is None:
        return None
    grant = holding.locked([order.grant_id])[order.grant_id]
    if not grant.is_usable(now):
        raise CouponGone
    return quoting.vouchers([grant])[grant.pk]


def _refuse_changed(order: Order, lines: Sequence[Owned], quote: Quote) -> None:
    for owned, priced in zip(lines, quote.lines, strict=True):
        line: OrderLine = owned.line
        if priced.price != line.price:
            raise OfferChanged(name=line.name, now=yuan(priced.price), seen=yuan(line.price))
    if order.credits:
        left = min(quote.most_credits, credits.locked([order.user_id])[order.user_id])
        if left < order.credits:
            raise CreditsShort(left=left)
    if quote.payable != order.payable:
        raise TotalChanged(now=yuan(quote.payable), seen=yuan(order.payable))


def _reopen(order: Order, now: datetime) -> None:
    order.status, order.ended_at, order.round = Status.UNPAID, None, order.round + 1
    order.pay_by = now + settings.PAY_WINDOW
    # A provider may still owe a word on an attempt of an earlier round: wait for it, up to the backstop.
    waiting = Attempt.objects.filter(
        purpose="order", subject_id=order.pk, state=State.OPEN
    ).exists()
    order.due_at = order.pay_by + settings.ASK_BACKSTOP if waiting else order.pay_by
    order.remind_at = reminding.moment(now)
    order.save(update_fields=["status", "ended_at", "round", "pay_by", "due_at", "remind_at"])


def _hold_wallet(order: Order, now: datetime) -> None:
    if order.grant_id:
        holding.hold({order.grant_id: order.pk})
    if order.credits:
        row = (order.pk, order.user_id, order.round, order.credits)
        posting.post(credits.hold_moves([row]), at=now)


def _hold_pieces(lines: Sequence[Owned]) -> None:
    wanted = pieces(lines)
    free = stock.locked_free(wanted)
    for line in (owned.line for owned in lines):
        if line.sku_id in wanted and free.get(line.sku_id, 0) < line.quantity:
            raise OutOfStock(name=line.name, left=free.get(line.sku_id, 0))
    stock.move({sku: Change(held=count) for sku, count in wanted.items()})
