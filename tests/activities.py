"""Activities of the tests: `discount(85)` on everything, `bundle(2_000, pot, fan)`, each an hour each way.

Where they count can be said by `products=`, `categories=` or `directions=`, when by `starts` and `ends`,
both from now.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from shigu import clock
from shigu.catalogue.models import Activity, ActivityKind, Product, Reach, Step

HOUR = timedelta(hours=1)


def activity(
    kind: ActivityKind,
    *,
    name: str = "Summer",
    starts: timedelta = -HOUR,
    ends: timedelta = HOUR,
    now: datetime | None = None,
    steps: Collection[tuple[int, int]] = (),
    **more: Any,
) -> Activity:
    """One activity; it covers everything unless products, categories or directions are given."""
    reaches = {
        "products": Reach.PRODUCT,
        "categories": Reach.CATEGORY,
        "directions": Reach.DIRECTION,
    }
    chosen = {name: rows for name in reaches if (rows := more.pop(name, None)) is not None}
    now = now or clock.now()
    row = Activity.objects.create(
        kind=kind,
        name_zh=f"{name} 活动",
        name_en=name,
        reach=next((reaches[name] for name in chosen), Reach.ALL),
        starts_at=now + starts,
        ends_at=now + ends,
        **more,
    )
    for name_of, rows in chosen.items():
        getattr(row, name_of).set(rows)
    Step.objects.bulk_create(Step(activity=row, least=least, off=off) for least, off in steps)
    return row


def free(**more: Any) -> Activity:
    """限时免费."""
    return activity(ActivityKind.FREE, **more)


def discount(percent: int, **more: Any) -> Activity:
    """限时折扣: so many percent are still paid."""
    return activity(ActivityKind.DISCOUNT, percent=percent, **more)


def reduction(amount: int, **more: Any) -> Activity:
    """限时减免, in fen."""
    return activity(ActivityKind.REDUCTION, amount=amount, **more)


def threshold(*steps: tuple[int, int], **more: Any) -> Activity:
    """满减 with (least, off) in fen."""
    return activity(ActivityKind.THRESHOLD, steps=steps, **more)


def bundle(amount: int, *products: Product, **more: Any) -> Activity:
    """组合套餐: so many fen less for all of these together."""
    return activity(ActivityKind.BUNDLE, amount=amount, products=products, **more)


def student(percent: int, **more: Any) -> Activity:
    """学生优惠."""
    return activity(ActivityKind.STUDENT, percent=percent, **more)
