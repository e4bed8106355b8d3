"""What an order costs: one pure function, `quote`, every figure in fen. `docs/pricing.md` has examples.

1. Each line: list price, then its best activity; activities do not stack (`activities`).
2. One coupon, on lines that no activity made cheaper (`coupons`; `judge` says what one would save).
3. Credits, whole ones, within each line's cap and what is left to pay (`redeeming`).

Every discount is apportioned to the lines to the fen, so Σ line payables = payable ≥ 0, always, and a
refund of one line is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind
from shigu.kit.money import Fen
from shigu.orders.pricing import redeeming
from shigu.orders.pricing.activities import choose
from shigu.orders.pricing.coupons import Verdict, judge, offs
from shigu.orders.pricing.facts import Priced, Quote, Voucher, Wanted

__all__ = ["Priced", "Quote", "Verdict", "Voucher", "Wanted", "judge", "quote"]


def quote(
    lines: Sequence[Wanted],
    *,
    activities: Sequence[Running] = (),
    is_student: bool = False,
    coupon: Voucher | None = None,
    credits: int = 0,
    credit_worth: Fen = 10,
) -> Quote:
    """Price `lines`: activities that run now, one coupon that fits, `credits` the buyer wants to use.

    `credits` above what the lines take are left unused. `CouponDoesNotFit` (a Refusal) where the coupon
    cannot be used on these lines; ValueError for a quantity below one or a negative figure.
    """
    if credits < 0 or credit_worth < 1:
        raise ValueError(f"cannot use {credits} credits worth {credit_worth} fen each")
    # By SKU, not as they came: a last fen or a tie then falls the same way however a cart is sorted.
    places = sorted(range(len(lines)), key=lambda place: lines[place].sku_id)
    priced = _with_activities([lines[place] for place in places], activities, is_student)
    if coupon:
        priced = _with_coupon(priced, coupon)
    caps = redeeming.most(priced, credit_worth)
    if credits:
        priced = _with_credits(priced, redeeming.redeem(credits, caps), credit_worth)
    as_they_came = dict(zip(places, priced, strict=True))
    return _added_up([as_they_came[place] for place in range(len(lines))], sum(caps))


def _with_activities(
    lines: Sequence[Wanted], activities: Sequence[Running], is_student: bool
) -> list[Priced]:
    for line in lines:
        if line.quantity < 1 or line.unit_price < 0 or line.most_credits < 0:
            raise ValueError(f"cannot price {line}")
    open_to = [a for a in activities if is_student or a.kind != ActivityKind.STUDENT]
    return [
        Priced(
            line.sku_id,
            list_price=line.list_price,
            price=line.list_price - applied.saves,
            payable=line.list_price - applied.saves,
            activity=applied.activity,
            wanted=line,
        )
        for line, applied in zip(lines, choose(lines, open_to), strict=True)
    ]


def _with_coupon(lines: Sequence[Priced], coupon: Voucher) -> list[Priced]:
    return [
        replace(line, coupon_off=off, payable=line.payable - off)
        for line, off in zip(lines, offs(lines, coupon), strict=True)
    ]


def _with_credits(lines: Sequence[Priced], credits: Sequence[int], worth: Fen) -> list[Priced]:
    return [
        replace(line, credits=used, credits_off=used * worth, payable=line.payable - used * worth)
        for line, used in zip(lines, credits, strict=True)
    ]


def _added_up(lines: Sequence[Priced], most_credits: int) -> Quote:
    return Quote(
        lines=tuple(lines),
        list_total=sum(line.list_price for line in lines),
        payable=sum(line.payable for line in lines),
        price_total=sum(line.price for line in lines),
        coupon_off=sum(line.coupon_off for line in lines),
        credits=sum(line.credits for line in lines),
        credits_off=sum(line.credits_off for line in lines),
        most_credits=most_credits,
    )
