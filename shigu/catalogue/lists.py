"""What is on sale, as lists: filtered, searched, sorted, each product with its price and what is left.

`products(wish)` is a queryset to page through; `offers(rows)` makes of its rows what a page shows. Three
queries serve any page of any list (count, rows, none per row), two more its directions and categories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from shigu.catalogue.activities import Running
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku
from shigu.catalogue.reckoning import price_now
from shigu.catalogue.scopes import Scope
from shigu.kit.money import Fen

FEW = 20
"""Up to so many pieces a page says how many are left."""

MOST_WORDS = 8


class Sort(StrEnum):
    HOT = "hot"
    NEW = "new"
    CHEAP = "cheap"
    DEAR = "dear"


ORDERS: dict[Sort, tuple[str, ...]] = {
    Sort.HOT: ("-popularity", "-pk"),
    Sort.NEW: ("-listed_at", "-pk"),
    Sort.CHEAP: ("price_now", "-pk"),
    Sort.DEAR: ("-price_now", "-pk"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for; whatever is empty does not narrow. Prices in fen, both ends included.

    `activities` are those whose prices count for this reader, when prices narrow or sort.
    """

    kind: str = ""
    direction: str = ""
    category: str = ""
    level: int | None = None
    least: Fen | None = None
    most: Fen | None = None
    words: str = ""
    sort: Sort = Sort.HOT
    scope: Scope | None = None
    activities: tuple[Running, ...] = ()

    @property
    def minds_prices(self) -> bool:
        """Does the price decide what is shown, or in which order?"""
        return (self.least, self.most) != (None, None) or self.sort in (Sort.CHEAP, Sort.DEAR)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as a list shows it: its lowest list price in fen, whether there are others, pieces left."""

    product: Product
    price: Fen
    was: Fen | None
    many: bool
    left: int | None

    @property
    def few(self) -> int | None:
        """Pieces left where that is worth saying; nothing for courses and full shelves."""
        return self.left if self.left is not None and self.left <= FEW else None


# Two sets, each from its own index: an OR of both would read every product.
SAYS = """catalogue_product.id IN (
  SELECT id FROM catalogue_product
   WHERE grams @> catalogue_grams(%s) AND strpos(plain, catalogue_plain(%s)) > 0
  UNION
  SELECT p.id FROM catalogue_product p JOIN catalogue_category c ON c.id = p.category_id
                                       JOIN catalogue_direction d ON d.id = c.direction_id
   WHERE strpos(catalogue_plain(c.name_zh || ' ' || c.name_en || ' ' || d.name_zh || ' ' || d.name_en),
                catalogue_plain(%s)) > 0)"""
NAMED = """strpos(catalogue_plain(catalogue_product.name_zh || ' ' || catalogue_product.name_en),
                  catalogue_plain(%s)) > 0"""


def products(wish: Wish) -> QuerySet[Product]:
    """On sale and wished for, in order; each row carries what `offers` reads."""
    rows = _narrowed(wish)
    if wish.minds_prices:
        rows = _by_price(rows, wish)
    price = Subquery(_cheapest().values("price")[:1], output_field=BigIntegerField())
    was = Subquery(_cheapest().values("was")[:1])
    return rows.annotate(from_price=price, from_was=was, prices=_prices(), left=_left()).order_by(
        *_order(wish)
    )


def offers(rows: Iterable[Product]) -> list[Offer]:
    """What a page shows of rows that came from `products`."""
    return [_offer(row) for row in rows]


def hottest(kind: str, count: int) -> list[Offer]:
    """The first of one kind, in one query."""
    return offers(products(Wish(kind=kind))[:count])


def newest(count: int) -> list[Offer]:
    """What came last, courses and goods, in one query."""
    return offers(products(Wish(sort=Sort.NEW))[:count])


def chosen(pks: Iterable[int]) -> dict[int, Offer]:
    """Those of these products that are on sale, by id, in one query."""
    return {one.product.pk: one for one in offers(products(Wish()).filter(pk__in=list(pks)))}


def directions(kind: str) -> Sequence[Direction]:
    """Directions of one kind that have something on sale, with such categories, in two queries."""
    filled = Category.objects.filter(
        Exists(Product.objects.filter(category=OuterRef("pk"), on_sale=True))
    ).order_by("position", "pk")
    return list(
        Direction.objects.filter(kind=kind, categories__in=filled)
        .distinct()
        .order_by("position", "pk")
        .prefetch_related(Prefetch("categories", queryset=filled))
    )


def on_sale(slug: str) -> Product:
    """One product with its shelf; Product.DoesNotExist also for what was taken down."""
    return Product.objects.select_related("category__direction").get(slug=slug, on_sale=True)


def choices(product_id: int) -> list[Sku]:
    """What a buyer may choose of a product, with its stock, in one query."""
    rows = Sku.objects.filter(product_id=product_id, on_sale=True)
    return list(rows.select_related("stock", "product").order_by("position", "pk"))


def choices_of(product_ids: Iterable[int]) -> dict[int, list[Sku]]:
    """The same for several products, by product id, without those taken down; with their shelves."""
    rows = Sku.objects.filter(product__in=list(product_ids), on_sale=True, product__on_sale=True)
    found: dict[int, list[Sku]] = {}
    for row in rows.select_related("stock", "product__category").order_by("position", "pk"):
        found.setdefault(row.product_id, []).append(row)
    return found


def sku(pk: int) -> Sku:
    """One SKU, on sale or not, with all that a line shows; Sku.DoesNotExist for junk."""
    return Sku.objects.select_related("stock", "product__category").get(pk=pk)


def free(sku: Sku) -> int | None:
    """Pieces of goods that can be had as it was read; None for a course."""
    if sku.product.kind == Kind.COURSE:
        return None
    stock = getattr(sku, "stock", None)
    return max(stock.free, 0) if stock else 0


def _on_sale_skus() -> QuerySet[Sku]:
    return Sku.objects.filter(product=OuterRef("pk"), on_sale=True)


def _cheapest() -> QuerySet[Sku]:
    return _on_sale_skus().order_by("price", "position", "pk")


def _by_price(rows: QuerySet[Product], wish: Wish) -> QuerySet[Product]:
    """With the price after activities, of the cheapest choice: none makes a dearer one the cheaper."""
    now = _cheapest().annotate(now=price_now(wish.activities)).values("now")[:1]
    bounds = {"price_now__gte": wish.least, "price_now__lte": wish.most}
    asked = {name: bound for name, bound in bounds.items() if bound is not None}
    return rows.annotate(price_now=Subquery(now, output_field=BigIntegerField())).filter(**asked)


def _prices() -> Subquery:
    distinct = (
        _on_sale_skus().order_by().values("product").annotate(n=Count("price", distinct=True))
    )
    return Subquery(distinct.values("n"), output_field=IntegerField())


def _left() -> Coalesce:
    free = Sum(F("stock__on_hand") - F("stock__held"))
    total = _on_sale_skus().order_by().values("product").annotate(left=free).values("left")
    return Coalesce(Subquery(total, output_field=IntegerField()), 0)


def _narrowed(wish: Wish) -> QuerySet[Product]:
    narrow = Q(on_sale=True)
    for column, value in (
        ("kind", wish.kind),
        ("category__direction__slug", wish.direction),
        ("category__slug", wish.category),
        ("level", wish.level),
    ):
        if value:
            narrow &= Q(**{column: value})
    rows = Product.objects.select_related("category").filter(narrow, Exists(_on_sale_skus()))
    if wish.scope:
        rows = rows.filter(wish.scope.within())
    for word in wish.words.split()[:MOST_WORDS]:
        rows = rows.filter(RawSQL(SAYS, [word] * 3, output_field=BooleanField()))
    if wish.words:
        rows = rows.annotate(named=RawSQL(NAMED, [wish.words], output_field=BooleanField()))
    return rows


def _order(wish: Wish) -> tuple[str, ...]:
    """Best first: a search by heat puts those before whose name says it."""
    order = ORDERS[wish.sort]
    return ("-named", *order) if wish.words and wish.sort == Sort.HOT else order


def _offer(row: Product) -> Offer:
    price, was, prices, left = (
        getattr(row, name) for name in ("from_price", "from_was", "prices", "left")
    )
    return Offer(row, price, was, prices > 1, None if row.kind == Kind.COURSE else max(left, 0))
