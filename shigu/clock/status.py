"""What operators see: per kind what waits, what is late, what was done, what is set aside.

`kinds()` and `dispatchers()` for pages and metrics, `report()` for `shigu clock status --json`.
Counts stop at ten thousand, so that asking costs little however much waits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from shigu.clock import lateness
from shigu.clock.claiming import run, shape
from shigu.clock.kinds import Calls, Every, Kind, Rings, known
from shigu.clock.models import Dispatcher, KindState, Periodic, Quarantine, Tally
from shigu.clock.time import now, offset

CAP = 10_000
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class KindStatus:
    """One kind; durations in seconds, figures of the last hour."""

    kind: str
    shape: str
    waiting: int
    next_due: datetime | None
    overdue: int
    oldest_overdue: float | None
    alarm: bool
    late_p50: float | None
    late_p99: float | None
    claimed: int
    affected: int
    failed: int
    batches: int
    set_aside: int
    parked_at: datetime | None
    parked_error: str
    last_run: datetime | None = None
    last_error: str = ""


def kinds() -> list[KindStatus]:
    """Every declared kind."""
    return [of(kind) for kind in known()]


def of(kind: Kind) -> KindStatus:
    """One kind as it stands."""
    waiting, following, overdue, oldest = _rows(kind)
    last_run, last_error = _periodic(kind)
    state = KindState.objects.filter(name=kind.name).first()
    p50, p99 = lateness.quantiles(kind.name, 0.5, 0.99)
    return KindStatus(
        kind=kind.name,
        shape=_shape(kind),
        waiting=waiting,
        next_due=following,
        overdue=overdue,
        oldest_overdue=oldest,
        alarm=bool(state and state.parked_at) or (oldest or 0) > kind.alarm.total_seconds(),
        late_p50=p50,
        late_p99=p99,
        set_aside=Quarantine.objects.filter(kind=kind.name, shown=True)[: CAP + 1].count(),
        parked_at=state.parked_at if state else None,
        parked_error=state.parked_error if state else "",
        last_run=last_run,
        last_error=last_error,
        **_tally(kind),
    )


def dispatchers() -> list[dict[str, Any]]:
    """Who drives the clock, and how many seconds ago each was last seen."""
    at = now()
    return [
        {"name": row.name, "last_tick": row.ticked_at, "age": (at - row.ticked_at).total_seconds()}
        for row in Dispatcher.objects.all()
    ]


def report() -> dict[str, Any]:
    """All of it, ready for JSON."""
    return {
        "now": now(),
        "offset": offset().total_seconds(),
        "kinds": [asdict(status) for status in kinds()],
        "dispatchers": dispatchers(),
    }


def _rows(kind: Kind) -> tuple[int, datetime | None, int, float | None]:
    s = shape(kind)
    alive = f"FROM {s.table} WHERE {s.among} AND {s.due}"
    [row] = run(
        f"SELECT (SELECT count(*) FROM (SELECT {alive} IS NOT NULL LIMIT {CAP + 1}) w),"
        f" (SELECT {s.due} {alive} > shigu_now() ORDER BY {s.due} LIMIT 1),"
        f" (SELECT count(*) FROM (SELECT {alive} <= shigu_now() LIMIT {CAP + 1}) o),"
        f" (SELECT extract(epoch FROM shigu_now() - {s.due})::float8"
        f" {alive} <= shigu_now() ORDER BY {s.due} LIMIT 1)",
        [],
    )
    return row[0], row[1], row[2], row[3]


def _tally(kind: Kind) -> dict[str, Any]:
    columns = ("claimed", "affected", "failed", "batches")
    rows = Tally.objects.filter(kind=kind.name, minute__gte=now() - HOUR)
    found = rows.aggregate(**{column: Sum(column) for column in columns})
    return {column: found[column] or 0 for column in columns}


def _periodic(kind: Kind) -> tuple[datetime | None, str]:
    row = Periodic.objects.filter(name=kind.name).first() if isinstance(kind, Every) else None
    return (row.ended_at, row.error) if row else (None, "")


def _shape(kind: Kind) -> str:
    shapes = {Rings: "rings", Calls: "calls", Every: "every"}
    return shapes[type(kind)]
