"""The price of a SKU after its best activity, said to the database: for lists that narrow or sort by it.

`price_now(activities)` means what the price engine means for one piece bought alone, by those kinds that
look at each line by itself (`ALONE`); a test holds the two against each other. What a page shows comes
from the engine, never from here.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind, Reach

ALONE = {
    ActivityKind.FREE,
    ActivityKind.DISCOUNT,
    ActivityKind.REDUCTION,
    ActivityKind.STUDENT,
}
FEN = BigIntegerField()
NOTHING = Value(0, output_field=FEN)


def price_now(activities: Iterable[Running]) -> Combinable:
    """An expression over SKUs, in fen."""
    savings = [_off(activity) for activity in activities if activity.kind in ALONE]
    return F("price") - Greatest(NOTHING, NOTHING, *savings, output_field=FEN)


def _off(activity: Running) -> Combinable:
    """What it takes off where it covers the product, else nothing."""
    saves, scope = _saves(activity), activity.scope
    if scope.reach == Reach.ALL:
        return saves
    return Case(When(scope.within("product__"), then=saves), default=NOTHING, output_field=FEN)


def _saves(activity: Running) -> Combinable:
    """Rounded half up, as the engine does."""
    if activity.kind == ActivityKind.FREE:
        return F("price")
    if activity.kind == ActivityKind.REDUCTION:
        return Least(F("price"), Value(activity.amount), output_field=FEN)
    hundredths = F("price") * Value(100 - activity.percent, output_field=FEN) + Value(50, FEN)
    return hundredths / Value(100, output_field=FEN)
