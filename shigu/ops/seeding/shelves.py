"""The catalogue of the seeded shop, read from the TOML files beside this one.

`stock_shelves()` writes what is not there yet and leaves alone what an operator has changed since.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import (
    Category,
    Direction,
    Kind,
    Moved,
    Product,
    Sku,
    Stock,
    StockMovement,
)

HERE = Path(__file__).parent
Entry = Mapping[str, Any]


def read(name: str) -> dict[str, Any]:
    """One of the TOML files."""
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def stock_shelves() -> int:
    """Write directions, products, SKUs and stock; how many products are new."""
    for place, entry in enumerate(read("shelves")["direction"]):
        _direction(entry, place)
    categories = {category.slug: category for category in Category.objects.all()}
    courses = [
        _product(e, Kind.COURSE, categories, _course_skus) for e in read("courses")["product"]
    ]
    goods = [_product(e, Kind.GOODS, categories, _goods_skus) for e in read("goods")["product"]]
    return sum(courses) + sum(goods)


def _direction(entry: Entry, place: int) -> None:
    direction, _ = Direction.objects.get_or_create(
        slug=entry["slug"],
        defaults={
            "kind": entry["kind"],
            "name_zh": entry["zh"],
            "name_en": entry["en"],
            "position": place,
        },
    )
    for nth, (slug, zh, en, tone) in enumerate(entry["categories"]):
        words = {"name_zh": zh, "name_en": en, "tone": tone, "position": nth}
        Category.objects.get_or_create(slug=slug, defaults={"direction": direction, **words})


def _product(entry: Entry, kind: Kind, categories: Mapping[str, Category], skus: Any) -> bool:
    product, new = Product.objects.get_or_create(
        slug=entry["slug"],
        defaults={
            "kind": kind,
            "category": categories[entry["category"]],
            "name_zh": entry["zh"],
            "name_en": entry["en"],
            **{name: entry.get(name) for name in ("level",)},
            **{name: entry[name].strip() for name in TEXTS},
            "lessons": entry.get("lessons", 0),
            "popularity": entry["popularity"],
            "most_credits": entry.get("credits", 0),
        },
    )
    skus(product, entry)
    return new


TEXTS = ("brief_zh", "brief_en", "maker_zh", "maker_en", "motif", "story_zh", "story_en")


def _course_skus(product: Product, entry: Entry) -> None:
    for place, (days, price, *was) in enumerate(entry["offers"]):
        zh, en = (f"{days} 天", f"{days} days") if days else ("永久有效", "Permanent")
        Sku.objects.get_or_create(
            code=f"{product.slug}-{days or 'ever'}".upper()[:40],
            defaults={
                "product": product,
                "label_zh": zh,
                "label_en": en,
                "price": price,
                "was": was[0] if was else None,
                "validity_days": days,
                "renewal_price": entry.get("renewals", {}).get(str(days)),
                "position": place,
            },
        )


def _goods_skus(product: Product, entry: Entry) -> None:
    for place, (code, zh, en, price, pieces, *was) in enumerate(entry["skus"]):
        sku, _ = Sku.objects.get_or_create(
            code=code,
            defaults={
                "product": product,
                "label_zh": zh,
                "label_en": en,
                "price": price,
                "was": was[0] if was else None,
                "position": place,
            },
        )
        _receive(sku, pieces)


def _receive(sku: Sku, pieces: int) -> None:
    """The first delivery, once."""
    Stock.objects.get_or_create(sku=sku)
    subject = f"first delivery of {sku.code}"
    if not StockMovement.objects.filter(sku_id=sku.pk, subject=subject).exists():
        stock.correct(
            sku.pk,
            pieces=pieces,
            kind=Moved.RECEIPT,
            subject=subject,
            by="seed",
            now=clock.now(),
        )
