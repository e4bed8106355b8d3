"""Lines as a buyer sees them before ordering, in the cart and on the confirm page, with what is wrong.

`of_cart` and `of_choice` build a `Basket`; a row whose `trouble` is set cannot be ordered as it stands and
says what to do. Its figures are those of `orders.quoting` over the rows that would be ordered; a row that
would not is priced alone, as it would be if it were bought by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.catalogue import lists
from shigu.catalogue.activities import Running
from shigu.catalogue.models import Kind, Product, Sku
from shigu.kit.money import Fen
from shigu.orders import cart, quoting
from shigu.orders.admission import MOST_PIECES
from shigu.orders.buying import InHand, Pair, courses_in_hand
from shigu.orders.pricing import Priced, Quote, Wanted
from shigu.orders.quoting import Terms

SOON = timedelta(hours=24)
"""An activity that ends within this time shows how long it still runs."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row cannot be ordered: a stable code, the sentence, and what the way out needs."""

    code: str
    text: str
    order: str = ""
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One SKU somebody means to buy; `line` is the cart line's id, 0 outside the cart.

    A row that is to `renew` a course that runs knows `until` when it does. `ends` is when its activity does,
    where that is soon.
    """

    sku: Sku
    quantity: int
    line: int = 0
    selected: bool = True
    choices: tuple[Sku, ...] = ()
    renew: bool = False
    until: datetime | None = None
    trouble: Trouble | None = None
    priced: Priced | None = None
    ends: datetime | None = None

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
    def wanted(self) -> Wanted:
        """The row as it goes into a price."""
        return quoting.wanted(self.sku, self.quantity, renew=self.renew)

    @property
    def unit_price(self) -> Fen:
        """List price of one piece in fen."""
        return quoting.unit_price(self.sku, renew=self.renew)

    @property
    def price(self) -> Fen:
        """Price of the row in fen, after its activity."""
        return self.priced.price if self.priced else self.wanted.list_price

    @property
    def was(self) -> Fen | None:
        """The crossed-out price of the row in fen: the list price where an activity made it cheaper."""
        if self.price < self.wanted.list_price:
            return self.wanted.list_price
        return self.sku.was * self.quantity if self.sku.was and not self.renew else None

    @property
    def activity(self) -> Running | None:
        """What makes the price."""
        return self.priced.activity if self.priced else None

    @property
    def runs_until(self) -> datetime | None:
        """A renewed course's new end; None is for ever."""
        days = self.sku.validity_days
        return self.until + timedelta(days=days) if self.until and days else None

    @property
    def most(self) -> int:
        """Pieces that can be asked for."""
        left = lists.free(self.sku)
        return max(1, min(MOST_PIECES, MOST_PIECES if left is None else left))


@dataclass(frozen=True, slots=True)
class Basket:
    """Rows with the figures of those that would be ordered by `user_id` on these `terms`."""

    user_id: int
    terms: Terms
    rows: tuple[Row, ...]
    quote: Quote

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
    def saved(self) -> Fen:
        """What activities take off."""
        return self.quote.list_total - self.quote.price_total


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


def of_choice(
    user_id: int, sku: Sku, quantity: int, now: datetime, *, renew: bool = False
) -> Basket:
    """One SKU alone, bought past the cart; or a course that runs, to run longer."""
    renew = renew and sku.product.kind == Kind.COURSE
    return _basket(user_id, [Row(sku, quantity, renew=renew)], now)


def _basket(user_id: int, rows: Sequence[Row], now: datetime) -> Basket:
    terms = quoting.terms([user_id], now)
    examined = _examined(user_id, rows, now)
    quote = terms.quote(user_id, [row.wanted for row in examined if row.counts])
    together = iter(quote.lines)
    priced = [
        replace(row, priced=line, ends=_ends_soon(line, now))
        for row in examined
        for line in [next(together) if row.counts else _alone(user_id, terms, row)]
    ]
    return Basket(user_id, terms, tuple(priced), quote)


def _alone(user_id: int, terms: Terms, row: Row) -> Priced:
    [line] = terms.quote(user_id, [row.wanted]).lines
    return line


def _ends_soon(line: Priced, now: datetime) -> datetime | None:
    ends = line.activity.ends_at if line.activity else None
    return ends if ends and ends - now <= SOON else None


def _on_sale(skus: Iterable[Sku], chosen: Sku) -> tuple[Sku, ...]:
    return tuple(sku for sku in skus if sku.on_sale or sku.pk == chosen.pk)


def _examined(user_id: int, rows: Sequence[Row], now: datetime) -> list[Row]:
    courses = {(user_id, row.product.pk) for row in rows if not row.is_goods}
    in_hand = courses_in_hand(courses, now=now)
    return [
        replace(
            row,
            until=in_hand.running.get(pair),
            trouble=_offer_trouble(row)
            or _course_trouble(row, pair, in_hand)
            or _stock_trouble(row),
        )
        for row in rows
        for pair in [(user_id, row.product.pk)]
    ]


def _offer_trouble(row: Row) -> Trouble | None:
    if not row.product.on_sale:
        return Trouble("gone", _("No longer on sale. You can take it out of the cart."))
    if not row.sku.on_sale:
        return Trouble("choice-gone", _("This choice is no longer on sale. Choose another."))
    return None


def _course_trouble(row: Row, pair: Pair, in_hand: InHand) -> Trouble | None:
    if pair in in_hand.waiting:
        text = _("This course stands in an unpaid order of yours.")
        return Trouble("waiting", text, order=in_hand.waiting[pair])
    if row.renew:
        refusal = in_hand.refusal(pair, row.product.name, renew=True)
        return Trouble("no-renewal", refusal.message) if refusal else None
    if pair in in_hand.running:
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
