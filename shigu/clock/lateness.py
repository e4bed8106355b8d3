"""How late things ring (commit minus due, both by the database's clock), by kind and minute.

Drains `observe` and `count` into this process's memory; `flush` writes it about once a second.
Buckets grow by a fourth of a power of two in milliseconds, so a quantile read back is at most a
fifth too high. `quantiles` reads them for the status.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models import Sum

from shigu.clock.drained import Drained
from shigu.clock.models import Lateness
from shigu.clock.time import now
from shigu.kit.database import unhurried

PER_OCTAVE = 4
EVERY = 1.0

_lock = threading.Lock()
_late: dict[str, Counter[int]] = defaultdict(Counter)
_tallies: dict[str, Drained] = {}
_flushed_at = 0.0


def bucket(late: timedelta) -> int:
    """The bucket of a lateness: 0 up to one millisecond, then four to the doubling."""
    ms = late.total_seconds() * 1000
    return max(0, math.ceil(math.log2(ms) * PER_OCTAVE)) if ms > 1 else 0


def upper(index: int) -> timedelta:
    """The longest lateness that falls into a bucket."""
    return timedelta(milliseconds=2 ** (index / PER_OCTAVE))


def observe(kind: str, late: Iterable[timedelta]) -> None:
    """These rows of a kind are committed, so late."""
    counts = Counter(map(bucket, late))
    with _lock:
        _late[kind].update(counts)


def count(step: Drained) -> None:
    """Add to a kind's tally."""
    if step.batches:
        with _lock:
            _tallies.setdefault(step.kind, Drained(step.kind)).add(step)


def flush(*, at_once: bool = False) -> None:
    """Write what was gathered, at most about once a second."""
    global _flushed_at
    if not at_once and time.monotonic() - _flushed_at < EVERY:
        return
    _flushed_at = time.monotonic()
    late, tallies = _take()
    if late or tallies:
        _write(late, tallies)


def forget() -> None:
    """Drop what was gathered and not yet written."""
    _take()


def quantiles(
    kind: str, *shares: float, since: timedelta = timedelta(hours=1)
) -> list[float | None]:
    """Seconds of lateness below which these shares of the rows were, or None without rows."""
    found = Lateness.objects.filter(kind=kind, minute__gte=now() - since).values("bucket")
    rows = list(found.annotate(n=Sum("rows")).order_by("bucket").values_list("bucket", "n"))
    total = sum(n for _, n in rows)
    return [_quantile(rows, share * total) if total else None for share in shares]


def _quantile(rows: list[tuple[int, int]], wanted: float) -> float:
    seen, last = 0, 0
    for index, n in rows:
        seen, last = seen + n, index
        if seen >= wanted:
            break
    return upper(last).total_seconds()


def _take() -> tuple[dict[str, Counter[int]], dict[str, Drained]]:
    with _lock:
        late, tallies = dict(_late), dict(_tallies)
        _late.clear()
        _tallies.clear()
    return late, tallies


def _write(late: dict[str, Counter[int]], tallies: dict[str, Drained]) -> None:
    rows = [(kind, index, n) for kind, counts in late.items() for index, n in counts.items()]
    steps = [(t.kind, t.claimed, t.affected, t.failed, t.batches) for t in tallies.values()]
    with unhurried(), connection.cursor() as cursor:
        for statement, found in ((_LATENESS, rows), (_TALLY, steps)):
            if found:
                cursor.execute(statement, [list(column) for column in zip(*found, strict=True)])


# In one order in every process, or two of them deadlock on each other's minutes.
_LATENESS = """
INSERT INTO clock_lateness (kind, minute, bucket, rows)
SELECT kind, date_trunc('minute', shigu_now()), bucket, rows
  FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS seen(kind, bucket, rows) ORDER BY kind, bucket
ON CONFLICT (kind, minute, bucket) DO UPDATE SET rows = clock_lateness.rows + excluded.rows
"""

_TALLY = """
INSERT INTO clock_tally AS t (kind, minute, claimed, affected, failed, batches)
SELECT kind, date_trunc('minute', shigu_now()), claimed, affected, failed, batches
  FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS seen(kind, claimed, affected, failed, batches) ORDER BY kind
ON CONFLICT (kind, minute) DO UPDATE SET claimed = t.claimed + excluded.claimed,
    affected = t.affected + excluded.affected, failed = t.failed + excluded.failed,
    batches = t.batches + excluded.batches
"""
