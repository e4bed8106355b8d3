"""What an order costs: one pure function, `quote`, every figure in fen.

Activities, coupons and credits do not exist yet; their places in the signature are typed as empty,
so that a caller cannot pass what nobody would apply. Σ line payables = payable ≥ 0, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shigu.kit.money import Fen


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as it goes in: which SKU, its price now (fen per piece), how many."""

    sku_id: int
    unit_price: Fen
    quantity: int


@dataclass(frozen=True, slots=True)
class Priced:
    """One line as it comes out: list price, price after its activity, what is left to pay."""

    sku_id: int
    list_price: Fen
    price: Fen
    payable: Fen


@dataclass(frozen=True, slots=True)
class Quote:
    """The whole order's figures."""

    lines: tuple[Priced, ...]
    list_total: Fen
    payable: Fen


def quote(
    lines: Sequence[Wanted],
    *,
    now: datetime,
    activities: tuple[()] = (),
    coupon: None = None,
    credits: Literal[0] = 0,
) -> Quote:
    """Price `lines` as of `now`. ValueError for a quantity below one or a negative price."""
    priced = tuple(_price(line) for line in lines)
    total = sum(line.list_price for line in priced)
    return Quote(lines=priced, list_total=total, payable=sum(line.payable for line in priced))


def _price(line: Wanted) -> Priced:
    if line.quantity < 1 or line.unit_price < 0:
        raise ValueError(f"cannot price {line}")
    amount = line.unit_price * line.quantity
    return Priced(line.sku_id, list_price=amount, price=amount, payable=amount)
