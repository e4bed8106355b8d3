"""What one coupon takes off the lines of an order: `offs`; and for a list of coupons, `judge` each.

Eligible are lines within the coupon's scope that cost something and have no activity. Only their prices
count, for the minimum spend as for what comes off; what a coupon refuses is said by `CouponDoesNotFit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shigu.kit.money import Fen, yuan
from shigu.orders.errors import (
    CouponDoesNotFit,
    CouponFitsNothing,
    CouponMinimum,
    CouponOnActivities,
    CouponSavesNothing,
)
from shigu.orders.pricing.apportioning import apportion
from shigu.orders.pricing.facts import Priced, Voucher
from shigu.orders.pricing.savings import off_rate


@dataclass(frozen=True, slots=True)
class Verdict:
    """One coupon of a buyer's for one order: what it `saves`, or the `reason` why it does not fit."""

    key: int
    voucher: Voucher
    saves: Fen = 0
    reason: CouponDoesNotFit | None = None


def judge(lines: Sequence[Priced], voucher: Voucher, key: int = 0) -> Verdict:
    """What `voucher` would save on lines priced by their activities, or why not."""
    try:
        return Verdict(key, voucher, saves=sum(offs(lines, voucher)))
    except CouponDoesNotFit as reason:
        return Verdict(key, voucher, reason=reason)


def offs(lines: Sequence[Priced], voucher: Voucher) -> list[Fen]:
    """What comes off each line; raises CouponDoesNotFit."""
    prices = _eligible(lines, voucher)
    if not voucher.amount and not voucher.on_all_lines:
        prices = _dearest(prices)
    spent = sum(prices)
    off = min(voucher.amount, spent) if voucher.amount else off_rate(spent, voucher.percent)
    if not off:
        raise CouponSavesNothing
    return apportion(off, prices)


def _eligible(lines: Sequence[Priced], voucher: Voucher) -> list[Fen]:
    """The price of each line it may lower, 0 for the others."""
    inside = [
        line.price if line.wanted.is_within(voucher.scope) and not line.activity else 0
        for line in lines
    ]
    if not any(inside):
        in_scope = any(line.wanted.is_within(voucher.scope) and line.activity for line in lines)
        raise CouponOnActivities if in_scope else CouponFitsNothing
    if sum(inside) < voucher.least:
        raise CouponMinimum(missing=yuan(voucher.least - sum(inside)))
    return inside


def _dearest(prices: Sequence[Fen]) -> list[Fen]:
    place = prices.index(max(prices))
    return [price if here == place else 0 for here, price in enumerate(prices)]
