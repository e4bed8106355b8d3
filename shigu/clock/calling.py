"""`calls`: the outside world, by lease. At least once; the outside sees it once by its own key.

1. Claim: due goes a lease ahead, the try is counted, committed. 2. Call, with no transaction open,
in a bounded pool. 3. Record: the kind's recorder writes the answer in a transaction of its own, and
only where the row is still at this try. A call that raises is not known, and is tried again; so is
one whose recorder raises `Again` without saying when.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Model

from shigu.clock import lateness
from shigu.clock.claiming import Claimed, lease, move, run, shape
from shigu.clock.drained import Drained
from shigu.clock.errors import Again, StaleClaim
from shigu.clock.faults import Fault, fault
from shigu.clock.kinds import Calls
from shigu.clock.memory import Memory
from shigu.clock.quarantine import release, set_aside
from shigu.clock.time import now
from shigu.kit.breakpoints import reached

log = structlog.get_logger(__name__)

WRITES = 3
"""How often an answer that is already known is written down before the call counts as failed."""

Handed = list[tuple[Claimed, Model]]


def drain_calls(
    kind: Calls, memory: Memory, budget: float, stopping: threading.Event | None = None
) -> Drained:
    """Keep up to `at_once` calls going for `budget` seconds, then wait for those under way."""
    ends = time.monotonic() + budget
    memory.begin()

    def more(free: int) -> Handed:
        over = time.monotonic() >= ends or (stopping and stopping.is_set())
        return [] if over else _claim(kind, memory, free)

    # Only a test wraps a drain in a transaction; what it wrote is visible to this thread alone.
    total = _in_turn(kind, more) if connection.in_atomic_block else _together(kind, more)
    memory.end()
    total.finished = time.monotonic() < ends
    lateness.count(total)
    return total


def _claim(kind: Calls, memory: Memory, free: int) -> Handed:
    with transaction.atomic(durable=True):
        rows = lease(kind, free, memory.floor)
        subjects = kind.model._base_manager.in_bulk([row.pk for row in rows]) if rows else {}
    memory.claimed(rows)
    reached("clock.call.claimed")
    return [(row, subjects[row.pk]) for row in rows]


def _in_turn(kind: Calls, more: Callable[[int], Handed]) -> Drained:
    total = Drained(kind.name)
    while handed := more(kind.at_once):
        total.add(_sum(kind, [_call(kind, row, subject) for row, subject in handed], len(handed)))
    return total


def _together(kind: Calls, more: Callable[[int], Handed]) -> Drained:
    total, going = Drained(kind.name), set[Future[bool | None]]()
    with ThreadPoolExecutor(kind.at_once, thread_name_prefix=kind.name) as pool:
        while True:
            handed = more(kind.at_once - len(going))
            going |= {pool.submit(_call_apart, kind, row, subject) for row, subject in handed}
            if not going:
                return total
            done, going = wait(going, return_when=FIRST_COMPLETED)
            total.add(_sum(kind, [future.result() for future in done], len(handed)))


def _sum(kind: Calls, results: list[bool | None], claimed: int) -> Drained:
    return Drained(
        kind.name, claimed, results.count(True), results.count(False), batches=bool(claimed)
    )


def _call_apart(kind: Calls, row: Claimed, subject: Model) -> bool | None:
    try:
        return _call(kind, row, subject)
    finally:
        connection.close()


def _call(kind: Calls, row: Claimed, subject: Model) -> bool | None:
    """True: answered and written down. False: not known. None: put off as told, or stale."""
    try:
        answer = kind.handler(subject)
        reached("clock.call.answered")
        _record(kind, row, answer)
    except StaleClaim:
        return None
    except Again as again:
        if again.after is None:
            _failed(kind, row, again)
            return False
        _put_off(kind, row, again.after)
        return None
    except Exception as error:
        _failed(kind, row, error)
        return False
    originals = release(kind, [row.pk])
    lateness.observe(kind.name, [now() - originals.get(row.pk, row.due)])
    return True


def _record(kind: Calls, row: Claimed, answer: Any) -> None:
    if kind.record is None:
        raise ImproperlyConfigured(f"{kind.name} has nobody who records its answers")
    for left in reversed(range(WRITES)):
        try:
            return kind.record(row.pk, answer, tries=row.tries)
        except Exception as error:
            if not left or fault(error) not in (Fault.TRANSIENT, Fault.LOST):
                raise
            if fault(error) is Fault.LOST:
                connection.close()
    return None


def _put_off(kind: Calls, row: Claimed, after: timedelta) -> None:
    release(kind, [row.pk])
    move(kind, row.pk, now() + after, tries=row.tries)


def _failed(kind: Calls, row: Claimed, error: Exception) -> None:
    """Not known: again after a backoff, unless somebody has claimed it since."""
    if fault(error) is Fault.LOST:
        connection.close()
    with transaction.atomic():
        if _still_at(kind, row):
            set_aside(kind, replace(row), error, backoff=kind.retry)


def _still_at(kind: Calls, row: Claimed) -> bool:
    s = shape(kind)
    query = (
        f"SELECT 1 FROM {s.table} WHERE {s.among} AND {s.pk} = %s AND {s.tries} = %s"
        " FOR NO KEY UPDATE"
    )
    return bool(run(query, [row.pk, row.tries]))
