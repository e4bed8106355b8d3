"""The winner arranges the award's order before paying: where it goes, and one coupon that is for lots.

`arrange` quotes the order again from the hammer price; no activity and no credits touch it. When a cashier
has been opened for it, it is frozen: what somebody may be paying right now must not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.auctions.errors_life import AddressFirst, CashierOpen, CouponNotOnLots, NotAnAward
from shigu.kit.breakpoints import reached
from shigu.kit.errors import Refusal
from shigu.kit.money import Fen
from shigu.orders import origins, quoting
from shigu.orders.errors import CouponGone, TimeIsUp
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order, OrderLine, Origin, Status
from shigu.orders.pricing import Voucher, Wanted, quote
from shigu.orders.settling import settle_free
from shigu.payments.models import Attempt
from shigu.promotions import holding
from shigu.promotions.models import Grant, GrantState


@dataclass(frozen=True, slots=True)
class Choice:
    """One coupon of the winner's: what it takes off in fen, or why it cannot be used here."""

    grant: Grant
    off: Fen = 0
    reason: Refusal | None = None


def arrange(order_id: int, *, by: int, sent_to: str, grant_id: int | None = None) -> Order:
    """Set address and coupon (None: without one). A Refusal says why not, and nothing changes.

    1. Lock the order, and award, lot and deposit with it: what then costs nothing is settled at once.
    2. It waits for its winner `by`, in time, and no cashier was opened.
    3. Lock the coupon it holds and the one it shall; let go of the one, hold the other.
    4. Quote it again from the hammer price.
    """
    with transaction.atomic(durable=True):
        [order] = locked_orders([order_id])
        origins.lock([order])
        reached("auctions.arrange.locked")
        now = clock.now()
        _refuse(order, by, now)
        if not sent_to.strip():
            raise AddressFirst
        line = order.lines.select_related("product__category").get()
        off = _off(order, line, grant_id, now)
        _hold(order, grant_id, now)
        _write(order, line, sent_to.strip()[:320], off)
        if order.payable == 0:
            settle_free([order], now=now)
    return order


def is_frozen(order: Order) -> bool:
    """Was a cashier opened for it?"""
    return Attempt.objects.filter(purpose="order", subject_id=order.pk).exists()


def choices(order: Order, now: datetime) -> list[Choice]:
    """Every coupon the winner could think of using, what saves most first; for pages."""
    line = order.lines.select_related("product__category").get()
    rows = Grant.objects.filter(user_id=order.user_id, coupon__on_lots=True)
    waiting = rows.filter(state=GrantState.UNUSED) | rows.filter(order_id=order.pk)
    grants = list(waiting.select_related("coupon").order_by("valid_until", "pk"))
    vouchers = quoting.vouchers(grants)
    found = [_choice(grant, line, vouchers[grant.pk], order, now) for grant in grants]
    return sorted(found, key=lambda choice: (choice.reason is not None, -choice.off))


def _choice(grant: Grant, line: OrderLine, voucher: Voucher, order: Order, now: datetime) -> Choice:
    try:
        _refuse_grant(grant, order, now)
        return Choice(grant, _taken_off(line, voucher))
    except Refusal as reason:
        return Choice(grant, reason=reason)


def _refuse(order: Order, by: int, now: datetime) -> None:
    if order.origin != Origin.LOT or order.status != Status.UNPAID or order.user_id != by:
        raise NotAnAward
    if not order.is_payable(now):
        raise TimeIsUp
    if is_frozen(order):
        raise CashierOpen


def _off(order: Order, line: OrderLine, grant_id: int | None, now: datetime) -> Fen:
    """What the wanted coupon takes off; it and the one held now are locked, in pk order."""
    grants = holding.locked({pk for pk in (order.grant_id, grant_id) if pk})
    if grant_id is None:
        return 0
    grant = grants.get(grant_id)
    if grant is None:
        raise CouponGone
    _refuse_grant(grant, order, now)
    return _taken_off(line, quoting.vouchers([grant])[grant.pk])


def _refuse_grant(grant: Grant, order: Order, now: datetime) -> None:
    held_by_it = grant.state == GrantState.HELD and grant.order_id == order.pk
    if grant.user_id != order.user_id or not (held_by_it or grant.is_usable(now)):
        raise CouponGone
    if not grant.coupon.on_lots:
        raise CouponNotOnLots


def _taken_off(line: OrderLine, voucher: Voucher) -> Fen:
    """From the hammer price, and never more than the deposit leaves of it."""
    wanted = Wanted(
        sku_id=line.sku_id,
        unit_price=line.unit_price,
        quantity=1,
        product_id=line.product_id,
        category_id=line.product.category_id,
        direction_id=line.product.category.direction_id,
    )
    return min(quote([wanted], coupon=voucher).coupon_off, line.price)


def _hold(order: Order, grant_id: int | None, now: datetime) -> None:
    if order.grant_id == grant_id:
        return
    if order.grant_id:
        holding.release([order.pk], now=now)
    if grant_id:
        holding.hold({grant_id: order.pk})
    order.grant_id = grant_id


def _write(order: Order, line: OrderLine, sent_to: str, off: Fen) -> None:
    line.coupon_off, line.payable = off, line.price - off
    line.save(update_fields=["coupon_off", "payable"])
    order.sent_to, order.coupon_off, order.payable = sent_to, off, line.payable
    order.save(update_fields=["sent_to", "coupon_off", "payable", "grant"])
