"""Activities of the seeded shop, read from the TOML file beside this one: of each kind one that runs.

`announce()` writes what is not there yet, counted from the present. Some are still to come, one is over,
so that orders of its time show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from shigu import clock
from shigu.catalogue.models import Activity, ActivityKind, Step
from shigu.ops.seeding.covering import cover, reach_of
from shigu.ops.seeding.shelves import read
from shigu.ops.seeding.telling import travel

COLUMN = {
    ActivityKind.DISCOUNT: "percent",
    ActivityKind.STUDENT: "percent",
    ActivityKind.REDUCTION: "amount",
    ActivityKind.BUNDLE: "amount",
}


def announce() -> None:
    """Every activity of the file, by its Chinese name."""
    travel(timedelta(0))
    now = clock.now()
    there = set(Activity.objects.values_list("name_zh", flat=True))
    for entry in read("activities")["activity"]:
        if entry["zh"] not in there:
            _announce(entry, now)


@transaction.atomic
def _announce(entry: Mapping[str, Any], now: datetime) -> None:
    """One with its scope and steps, at once: nobody sees a part of it."""
    kind = ActivityKind(entry["kind"])
    starts, ends = (now + timedelta(days=days) for days in entry["days"])
    activity = Activity.objects.create(
        name_zh=entry["zh"],
        name_en=entry["en"],
        kind=kind,
        reach=reach_of(entry),
        starts_at=starts,
        ends_at=ends,
        **({COLUMN[kind]: entry["figure"]} if kind in COLUMN else {}),
    )
    cover(activity, entry)
    if kind == ActivityKind.THRESHOLD:
        steps = [Step(activity=activity, least=least, off=off) for least, off in entry["figure"]]
        Step.objects.bulk_create(steps)
