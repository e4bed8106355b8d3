"""Lines as a buyer sees them before ordering, in the cart and on the confirm page, with what is wrong.

`of_cart` and `of_choice` build a `Basket`; a row whose `trouble` is set cannot be ordered as it stands and
says what to do. The figures are those of `orders.pricing.quote` over the rows that would be ordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.catalogue import lists
from shigu.catalogue.models import Kind, Product, Sku
from shigu.kit.money import Fen
from shigu.orders import cart, pricing
from shigu.orders.admission import MOST_PIECES, Choice
from shigu.orders.buying import courses_in_hand


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row cannot be ordered: a stable code, the sentence, and what the way out needs."""

    code: str
    text: str
    order: str = ""
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One SKU somebody means to buy; `line` is the cart line's id, 0 outside the cart."""

    sku: Sku
    quantity: int
    line: int = 0
    selected: bool = True
    choices: tuple[Sku, ...] = ()
    trouble: Trouble | None = None

    @property
    def product(self) -> Product:
        return self.sku.product

    @property
    def is_goods(self) -> bool:
        return self.sku.product.kind == Kind.GOODS

    @property
    def counts(self) -> bool:
        """Would it be ordered now?"""
        return self.selected and self.trouble is None

    @property
    def price(self) -> Fen:
        """List price of the row in fen."""
        return self.sku.price * self.quantity

    @property
    def was(self) -> Fen | None:
        """The crossed-out price of the row in fen."""
        return self.sku.was * self.quantity if self.sku.was else None

    @property
    def most(self) -> int:
        """Pieces that can be asked for."""
        left = lists.free(self.sku)
        return max(1, min(MOST_PIECES, MOST_PIECES if left is None else left))


@dataclass(frozen=True, slots=True)
class Basket:
    """Rows with the figures of those that would be ordered."""

    rows: tuple[Row, ...]
    quote: pricing.Quote

    @property
    def ordered(self) -> list[Row]:
        """The rows that would be ordered now."""
        return [row for row in self.rows if row.counts]

    @property
    def usable(self) -> list[Row]:
        """The rows that could be selected."""
        return [row for row in self.rows if row.trouble is None]

    @property
    def stale(self) -> list[Row]:
        """The rows that cannot be ordered as they stand."""
        return [row for row in self.rows if row.trouble]

    @property
    def is_all_selected(self) -> bool:
        return bool(self.usable) and len(self.ordered) == len(self.usable)

    @property
    def has_goods(self) -> bool:
        """Does what would be ordered need an address?"""
        return any(row.is_goods for row in self.ordered)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What would be ordered, with the price per piece that the buyer sees."""
        return tuple(Choice(row.sku.pk, row.quantity, row.sku.price) for row in self.ordered)


def of_cart(user_id: int, now: datetime) -> Basket:
    """The whole cart, in a fixed number of queries."""
    rows = [
        Row(
            sku=line.sku,
            quantity=line.quantity,
            line=line.pk,
            selected=line.selected,
            choices=_on_sale(line.product.skus.all(), line.sku),
        )
        for line in cart.lines(user_id)
    ]
    return _basket(user_id, rows, now)


def of_choice(user_id: int, sku: Sku, quantity: int, now: datetime) -> Basket:
    """One SKU alone, bought past the cart."""
    return _basket(user_id, [Row(sku, quantity)], now)


def _basket(user_id: int, rows: Iterable[Row], now: datetime) -> Basket:
    examined = _examined(user_id, list(rows), now)
    wanted = [
        pricing.Wanted(row.sku.pk, row.sku.price, row.quantity) for row in examined if row.counts
    ]
    return Basket(tuple(examined), pricing.quote(wanted))


def _on_sale(skus: Iterable[Sku], chosen: Sku) -> tuple[Sku, ...]:
    return tuple(sku for sku in skus if sku.on_sale or sku.pk == chosen.pk)


def _examined(user_id: int, rows: Sequence[Row], now: datetime) -> list[Row]:
    courses = {(user_id, row.product.pk) for row in rows if not row.is_goods}
    running, waiting = courses_in_hand(courses, now=now)
    return [
        Row(row.sku, row.quantity, row.line, row.selected, row.choices, found)
        for row in rows
        for found in [
            _offer_trouble(row)
            or _course_trouble((user_id, row.product.pk), running, waiting)
            or _stock_trouble(row)
        ]
    ]


def _offer_trouble(row: Row) -> Trouble | None:
    if not row.product.on_sale:
        return Trouble("gone", _("No longer on sale. You can take it out of the cart."))
    if not row.sku.on_sale:
        return Trouble("choice-gone", _("This choice is no longer on sale. Choose another."))
    return None


def _course_trouble(
    pair: tuple[int, int], running: set[tuple[int, int]], waiting: dict[tuple[int, int], str]
) -> Trouble | None:
    if pair in waiting:
        text = _("This course stands in an unpaid order of yours.")
        return Trouble("waiting", text, order=waiting[pair])
    if pair in running:
        return Trouble("yours", _("This course is already yours and still valid."))
    return None


def _stock_trouble(row: Row) -> Trouble | None:
    left = lists.free(row.sku)
    if left is None or left >= row.quantity:
        return None
    if left == 0:
        return Trouble("sold-out", _("Sold out. It may stay here in case it comes back."))
    text = ngettext("Only %(left)d piece is left.", "Only %(left)d pieces are left.", left)
    return Trouble("short", text % {"left": left}, pieces=left)
