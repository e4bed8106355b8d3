"""What the shop of the tests sells: `teapot(stock=…)`, `python_course()`, and whatever one names.

Plain functions; each call with the same slug returns the product that is there. Stock is received with
a movement, so that `shigu audit` holds on it. `sku(product)` is its first choice, `sku(product, 1)` the
second.
"""

from __future__ import annotations

import itertools

from shigu import clock
from shigu.catalogue import stock as counts
from shigu.catalogue.models import Category, Direction, Kind, Level, Moved, Product, Sku, Stock

_events = itertools.count(1)


def teapot(stock: int = 8, *, price: int = 26_800) -> Product:
    """Goods with one variant."""
    return goods("teapot", "柴烧小茶壶", "Wood-fired teapot", [("", "", price, stock)])


def fan(red: int = 5, green: int = 0) -> Product:
    """Goods in two variants, the second sold out unless told otherwise."""
    return goods(
        "fan",
        "竹丝团扇",
        "Bamboo fan",
        [("朱红", "Vermilion", 9_800, red), ("石青", "Azurite", 10_800, green)],
    )


def python_course() -> Product:
    """A course with three validities: 30 and 365 days, and for ever."""
    return course(
        "python-concurrency",
        "Python 并发:从协程到集群",
        "Python concurrency",
        [(30, 9_900, None), (365, 27_900, 39_900), (0, 45_000, None)],
    )


def free_course() -> Product:
    """A course that costs nothing."""
    return course("first-steps", "编程第一步", "First steps", [(0, 0, None)])


def goods(slug: str, zh: str, en: str, variants: list[tuple[str, str, int, int]]) -> Product:
    """Goods with variants (label in Chinese, in English, price in fen, pieces in the house)."""
    if found := Product.objects.filter(slug=slug).first():
        return found
    product = _product(slug, zh, en, Kind.GOODS, _category(Kind.GOODS), maker_zh="景德镇")
    for place, (label_zh, label_en, price, pieces) in enumerate(variants):
        sku = Sku.objects.create(
            product=product,
            code=f"{slug}-{place}",
            label_zh=label_zh,
            label_en=label_en,
            price=price,
            position=place,
        )
        Stock.objects.create(sku=sku)
        if pieces:
            receive(sku, pieces)
    return product


def course(slug: str, zh: str, en: str, validities: list[tuple[int, int, int | None]]) -> Product:
    """A course with validities (days, price in fen, crossed-out price or None)."""
    if found := Product.objects.filter(slug=slug).first():
        return found
    product = _product(
        slug,
        zh,
        en,
        Kind.COURSE,
        _category(Kind.COURSE),
        maker_zh="林远",
        maker_en="Lin Yuan",
        level=Level.MIDDLE,
        lessons=42,
    )
    for place, (days, price, was) in enumerate(validities):
        Sku.objects.create(
            product=product,
            code=f"{slug}-{days}",
            validity_days=days,
            price=price,
            was=was,
            position=place,
        )
    return product


def sku(product: Product, place: int = 0) -> Sku:
    """The choice at that place."""
    return product.skus.order_by("position", "pk")[place]


def receive(of: Sku, pieces: int) -> None:
    """Pieces arrive in the house, with their movement."""
    counts.correct(
        of.pk,
        pieces=pieces,
        kind=Moved.RECEIPT,
        subject=f"test receipt {next(_events)}",
        by="operator",
        now=clock.now(),
    )


def category(slug: str, zh: str, en: str, direction: Direction) -> Category:
    """One more category in `direction`."""
    return Category.objects.get_or_create(
        slug=slug, defaults={"name_zh": zh, "name_en": en, "direction": direction}
    )[0]


def direction(slug: str, zh: str, en: str, kind: Kind) -> Direction:
    """A study direction, or a department of goods."""
    return Direction.objects.get_or_create(
        slug=slug, defaults={"name_zh": zh, "name_en": en, "kind": kind}
    )[0]


def _category(kind: Kind) -> Category:
    if kind == Kind.COURSE:
        return category("python", "Python", "Python", direction("code", "编程", "Code", kind))
    return category("pottery", "陶瓷", "Pottery", direction("craft", "手艺", "Crafts", kind))


def _product(
    slug: str, zh: str, en: str, kind: Kind, category: Category, **more: object
) -> Product:
    given = {"brief_zh": f"{zh},一句话。", "brief_en": f"{en}, in one line."}
    return Product.objects.create(
        slug=slug,
        name_zh=zh,
        name_en=en,
        kind=kind,
        category=category,
        **{**given, **more},
    )
