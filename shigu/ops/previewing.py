"""What an activity would do to prices: `preview(activity, at, page)`, by the same engine as the checkout.

Each row is one choice of a product: its list price, its price without this activity, with it alone, and
with all that run at `at`. A page of rows is priced at a time, so ten thousand products cost no more than
fifty; a bundle is priced as one set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, Min, QuerySet

from shigu.catalogue.activities import Running, running
from shigu.catalogue.activity_words import said
from shigu.catalogue.models import ActivityKind, Sku
from shigu.kit.money import Fen
from shigu.kit.office import shown
from shigu.orders import pricing, quoting
from shigu.orders.pricing import Priced, Wanted

SIZE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One choice, one piece: what it costs, in fen, and by which activity in the end."""

    sku: Sku
    list_price: Fen
    without: Fen
    alone: Fen
    together: Fen
    by: Running | None
    pieces: int | None = None
    """From so many pieces on a 满减 saves, where one is not enough."""

    @property
    def changes(self) -> bool:
        """Does this activity make the price another one?"""
        return self.without != self.together

    @property
    def figures(self) -> list[str]:
        """The four prices as operators read them."""
        return [shown(fen) for fen in (self.list_price, self.without, self.alone, self.together)]


@dataclass(frozen=True, slots=True)
class Preview:
    """A page of rows with what is covered in all; `total` where the rows are bought together."""

    activity: Running
    words: str
    at: datetime
    others: tuple[Running, ...]
    products: int
    choices: int
    least: Fen | None
    most: Fen | None
    rows: list[Row]
    page: Page | None = None
    total: Row | None = None
    missing: int = 0
    """Products of a bundle that are not on sale: nobody can get it."""

    @property
    def list_prices(self) -> str:
        """From the lowest to the highest."""
        ends = dict.fromkeys(fen for fen in (self.least, self.most) if fen is not None)
        return " – ".join(map(shown, ends)) or "–"


def preview(activity: Running, at: datetime, page_number: str = "1") -> Preview:
    """What `activity` would do at `at`, whether it runs then or not; in five queries at most."""
    others = tuple(one for one in running(at) if one.id != activity.id)
    skus = _covered(activity)
    figures = skus.aggregate(
        products=Count("product", distinct=True),
        choices=Count("pk"),
        least=Min("price"),
        most=Max("price"),
    )
    whole = Preview(activity, said(activity), at, others, rows=[], **figures)
    if activity.kind == ActivityKind.BUNDLE:
        return _of_bundle(whole, skus)
    pages = Paginator(skus, SIZE)
    pages.count = whole.choices  # counted already
    page = pages.get_page(page_number)
    return replace(whole, page=page, rows=[_row(sku, whole) for sku in page.object_list])


def _covered(activity: Running) -> QuerySet[Sku]:
    rows = Sku.objects.filter(
        activity.scope.within("product__"), on_sale=True, product__on_sale=True
    )
    order = ("-product__popularity", "-product_id", "position", "pk")
    return rows.select_related("product__category").order_by(*order)


def _priced(lines: Sequence[Wanted], whole: Preview, *which: Running) -> Sequence[Priced]:
    student = whole.activity.kind == ActivityKind.STUDENT
    return pricing.quote(lines, activities=which, is_student=student).lines


def _rows(skus: Sequence[Sku], whole: Preview) -> list[Row]:
    """These choices as lines of one order."""
    lines = [quoting.wanted(sku, 1) for sku in skus]
    mine = replace(whole.activity, id=whole.activity.id or _last(whole.others))
    without = _priced(lines, whole, *whole.others)
    alone = _priced(lines, whole, mine)
    together = _priced(lines, whole, *whole.others, mine)
    return [
        Row(sku, line.list_price, old.price, own.price, all_of.price, all_of.activity)
        for sku, line, old, own, all_of in zip(skus, lines, without, alone, together, strict=True)
    ]


def _last(others: Sequence[Running]) -> int:
    """The id that a new activity would get, as far as ties go: after all others."""
    return max((one.id for one in others), default=0) + 1


def _row(sku: Sku, whole: Preview) -> Row:
    [row] = _rows([sku], whole)
    if not whole.activity.steps or not sku.price:
        return row
    first = whole.activity.steps[0][0]
    return replace(row, pieces=-(-first // sku.price)) if first > sku.price else row


def _of_bundle(whole: Preview, skus: QuerySet[Sku]) -> Preview:
    """The cheapest choice of each product, bought together."""
    cheapest = {sku.product_id: sku for sku in sorted(skus, key=lambda sku: -sku.price)}
    missing = len(whole.activity.scope.ids - cheapest.keys())
    rows = _rows(list(cheapest.values()), whole) if cheapest and not missing else []
    return replace(whole, rows=rows, total=_summed(rows), missing=missing)


def _summed(rows: Sequence[Row]) -> Row | None:
    """The whole set as one row."""
    if not rows:
        return None
    return replace(
        rows[0],
        list_price=sum(row.list_price for row in rows),
        without=sum(row.without for row in rows),
        alone=sum(row.alone for row in rows),
        together=sum(row.together for row in rows),
    )
