"""What a seeded activity or coupon covers: its `directions`, `categories` or `products`, else everything.

`reach_of(entry)` says which; `cover(row, reach, entry)` chooses them by their slugs, and misses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shigu.catalogue.models import Category, Direction, Product, Reach, Scoped

NAMES = {Reach.DIRECTION: "directions", Reach.CATEGORY: "categories", Reach.PRODUCT: "products"}


def reach_of(entry: Mapping[str, Any]) -> Reach:
    """What the entry names; everything where it names nothing."""
    return next((reach for reach, name in NAMES.items() if name in entry), Reach.ALL)


def cover(row: Scoped, reach: Reach, entry: Mapping[str, Any]) -> None:
    """Write what a new row covers."""
    if reach == Reach.DIRECTION:
        row.directions.set(Direction.objects.get(slug=slug) for slug in entry["directions"])
    elif reach == Reach.CATEGORY:
        row.categories.set(Category.objects.get(slug=slug) for slug in entry["categories"])
    elif reach == Reach.PRODUCT:
        row.products.set(Product.objects.get(slug=slug) for slug in entry["products"])
