"""The activities that run at a moment, as plain facts for the price engine: `running(now)`.

One query where none runs, else three (the rows, their steps, their scopes), whatever the number of products.
What they do to prices is computed in `orders.pricing`; nothing here knows about orders. `coming` is what will
run, for announcing it; which products to show with an activity says `catalogue.featured`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shigu.catalogue.models import Activity, ActivityKind, in_language
from shigu.catalogue.scopes import Scope, scopes_of
from shigu.kit.money import Fen


@dataclass(frozen=True, slots=True)
class Running:
    """One activity as it prices: see `models.Activity`. `steps` are (least, off) in fen, rising."""

    id: int
    kind: ActivityKind
    name_zh: str
    name_en: str
    scope: Scope
    ends_at: datetime
    percent: int = 100
    amount: Fen = 0
    steps: tuple[tuple[Fen, Fen], ...] = ()

    @property
    def name(self) -> str:
        """In the reader's language."""
        return in_language(self.name_zh, self.name_en)


def running(now: datetime) -> tuple[Running, ...]:
    """Every activity that has started and not ended at `now`, oldest first."""
    rows = Activity.objects.filter(starts_at__lte=now, ends_at__gt=now).prefetch_related("steps")
    return facts(rows.order_by("pk"))


def coming(now: datetime, within: timedelta) -> tuple[tuple[datetime, Running], ...]:
    """Activities that start after `now`, within so long, with their start, the next one first."""
    rows = Activity.objects.filter(starts_at__gt=now, starts_at__lte=now + within)
    announced = list(rows.prefetch_related("steps").order_by("starts_at", "pk"))
    return tuple(zip((row.starts_at for row in announced), facts(announced), strict=True))


def facts(activities: Iterable[Activity]) -> tuple[Running, ...]:
    """These rows as facts, whether they run or not (a preview asks that)."""
    rows = list(activities)
    scopes = scopes_of(Activity, [row.pk for row in rows]) if rows else {}
    return tuple(as_fact(row, scopes[row.pk]) for row in rows)


def as_fact(row: Activity, scope: Scope) -> Running:
    """One row, saved or not, whose scope is known; its steps are read where they were not yet."""
    steps = row.steps.all() if row.pk else ()
    return Running(
        id=row.pk or 0,
        kind=ActivityKind(row.kind),
        name_zh=row.name_zh,
        name_en=row.name_en,
        scope=scope,
        ends_at=row.ends_at,
        percent=row.percent or 100,
        amount=row.amount or 0,
        steps=tuple((step.least, step.off) for step in steps),
    )
