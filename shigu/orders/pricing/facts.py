"""What goes into a price and what comes out of it: plain values, every figure in fen."""

from __future__ import annotations

from dataclasses import dataclass

from shigu.catalogue.activities import Running
from shigu.catalogue.scopes import Scope
from shigu.kit.money import Fen

EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as it goes in: which SKU of which product, its price now per piece, how many.

    `unit_price` is the renewal's price where the line renews a course. `most_credits` is per piece.
    """

    sku_id: int
    unit_price: Fen
    quantity: int
    product_id: int = 0
    category_id: int = 0
    direction_id: int = 0
    most_credits: int = 0

    @property
    def list_price(self) -> Fen:
        """The whole line before anything comes off."""
        return self.unit_price * self.quantity

    def is_within(self, scope: Scope) -> bool:
        """Does an activity or a coupon of this scope cover it?"""
        return scope.covers(self.product_id, self.category_id, self.direction_id)


NOTHING = Wanted(sku_id=0, unit_price=0, quantity=1)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A coupon as it prices: fixed `amount`, or else `percent` still paid. See `promotions.models.Coupon`."""

    name_zh: str
    name_en: str
    scope: Scope = EVERYTHING
    amount: Fen = 0
    percent: int = 100
    least: Fen = 0
    on_all_lines: bool = False


@dataclass(frozen=True, slots=True)
class Priced:
    """One line as it comes out. `price` is after its activity; payable = price − coupon_off − credits_off.

    `activity` is the one it takes part in, None where it costs its list price; `wanted` is what went in.
    """

    sku_id: int
    list_price: Fen
    price: Fen
    payable: Fen
    activity: Running | None = None
    coupon_off: Fen = 0
    credits: int = 0
    credits_off: Fen = 0
    wanted: Wanted = NOTHING


@dataclass(frozen=True, slots=True)
class Quote:
    """The whole order's figures. `most_credits`: so many could be redeemed, had the buyer enough."""

    lines: tuple[Priced, ...]
    list_total: Fen
    payable: Fen
    price_total: Fen = 0
    coupon_off: Fen = 0
    credits: int = 0
    credits_off: Fen = 0
    most_credits: int = 0
