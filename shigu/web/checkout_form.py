"""What the confirm page's form carries: the lines as they were shown, the figures seen, what was chosen.

`read_items` and `entered_of` make it harmless; `changes(items, rows)` says in words what is not any more as it
was shown. Everything entered is an `Entered`, kept over a refusal.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from shigu.kit.errors import Refusal
from shigu.kit.money import Fen, yuan
from shigu.orders.admission import Choice
from shigu.web.address_form import AddressForm
from shigu.web.baskets import Row
from shigu.web.bills import BEST
from shigu.web.inputs import name_of, whole

NEW = "new"
MOST_CREDITS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One line as the form carries it: `sku:pieces:seen:offered:line:renew`.

    `seen` is the list price per piece, `offered` the price of the line after its activity, both in fen.
    """

    sku: int
    pieces: int
    seen: Fen
    offered: Fen
    line: int = 0
    renew: int = 0

    def __str__(self) -> str:
        figures = (self.sku, self.pieces, self.seen, self.offered, self.line, self.renew)
        return ":".join(map(str, figures))

    @property
    def choice(self) -> Choice:
        """The line as it is asked for."""
        return Choice(self.sku, self.pieces, self.seen, self.offered, renew=bool(self.renew))


@dataclass(frozen=True, slots=True)
class Entered:
    """What the buyer chose and typed. `credits` and `payable` are None where they made no sense."""

    address: str = ""
    form: AddressForm = field(default_factory=lambda: address_form())
    key: str = ""
    coupon: str = BEST
    credits: int | None = 0
    payable: Fen | None = None
    refusal: Refusal | None = None


def item_of(row: Row) -> Item:
    """A row as it is shown now."""
    return Item(
        row.sku.pk, row.quantity, row.unit_price, row.price, line=row.line, renew=int(row.renew)
    )


def read_items(text: str) -> list[Item]:
    """The lines that a form carries; nothing where any of them makes no sense."""
    items = []
    for part in text[:30_000].split(","):
        numbers = [whole(piece) for piece in part.split(":")]
        if len(numbers) != 6 or None in numbers:
            return []
        items.append(Item(*(number or 0 for number in numbers)))
    return items


def entered_of(request: HttpRequest, *, check: bool) -> Entered:
    """What stands in the form; `check`: a new address is to be complete."""
    sent = request.POST
    wanted = sent.get("address", "")
    chosen = sent.get("coupon", "")
    used = sent.get("credits", "").strip() or "0"
    return Entered(
        address=NEW if wanted == NEW else str(whole(wanted) or ""),
        form=address_form(sent if wanted == NEW else None, check=check),
        key=name_of(sent.get("key")) or secrets.token_hex(16),
        coupon=str(whole(chosen) or 0) if chosen else "",
        credits=whole(used, most=MOST_CREDITS),
        payable=whole(sent.get("payable")),
    )


def address_form(data: QueryDict | None = None, *, check: bool = True) -> AddressForm:
    """Its fields are out of sight while another address is chosen: the browser must not insist on them."""
    if data and not check:
        typed = {name: data.get(f"to-{name}", "")[:300] for name in AddressForm.base_fields}
        return AddressForm(initial=typed, prefix="to", use_required_attribute=False)
    return AddressForm(data, prefix="to", use_required_attribute=False)


def changes(items: Sequence[Item], rows: Sequence[Row], *, told: Refusal | None) -> list[str]:
    """What differs from what was shown, in words; but for the line that a refusal names already."""
    if not items:
        return []
    named = told.fill.get("name") if told else None
    found = [
        text
        for row in rows
        if row.product.name != named
        for text in _changed(row, {(item.sku, item.line): item for item in items})
    ]
    gone = {(item.sku, item.line) for item in items} - {(row.sku.pk, row.line) for row in rows}
    if gone and not told:
        found.append(_("Your cart has changed in the meantime."))
    return found


def _changed(row: Row, shown: dict[tuple[int, int], Item]) -> Iterator[str]:
    item = shown.get((row.sku.pk, row.line))
    if item is None:
        yield _("“%(name)s” was not here when you looked.") % {"name": row.product.name}
    elif item.pieces != row.quantity:
        yield _("Of “%(name)s” it is %(now)s now (you saw %(seen)s).") % {
            "name": row.product.name,
            "now": row.quantity,
            "seen": item.pieces,
        }
    elif item.offered != row.price:
        yield _("“%(name)s” now costs ¥%(now)s (you saw ¥%(seen)s).") % {
            "name": row.product.name,
            "now": yuan(row.price),
            "seen": yuan(item.offered),
        }
