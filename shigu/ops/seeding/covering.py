"""What a seeded activity or coupon covers: its `directions`, `categories` or `products`, else everything.

`reach_of(entry)` says which; `cover(row, entry)` chooses them by their slugs, and misses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shigu.catalogue.models import CHOSEN, Reach, Scoped


def reach_of(entry: Mapping[str, Any]) -> Reach:
    """What the entry names; everything where it names nothing."""
    return next((reach for reach, name in CHOSEN.items() if name in entry), Reach.ALL)


def cover(row: Scoped, entry: Mapping[str, Any]) -> None:
    """Write what a new row covers, by the reach it has; KeyError for a slug that nothing has."""
    if name := CHOSEN.get(Reach(row.reach)):
        chosen = getattr(row, name)
        found = chosen.model.objects.in_bulk(entry[name], field_name="slug")
        chosen.set(found[slug] for slug in entry[name])
