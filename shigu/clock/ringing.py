"""`rings`: claim and effect in one transaction, a batch at a time.

1. Claim due rows (locked, others' skipped). 2. Call the handler inside a savepoint that ends with
every constraint checked, so that a deferred foreign key fails here and not at COMMIT. 3. Bisect
where that failed; set aside what fails alone. 4. Commit: claim and every consequence, or neither.
5. Note how late it was. Exactly once, whoever is killed when.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction

from shigu.clock import holding, lateness
from shigu.clock.bisecting import bisect
from shigu.clock.claiming import Claimed, claim, claim_one
from shigu.clock.drained import Drained
from shigu.clock.errors import StillDue
from shigu.clock.faults import Fault, fault
from shigu.clock.kinds import Rings
from shigu.clock.memory import Memory
from shigu.clock.quarantine import Enough, claimed, release
from shigu.kit.breakpoints import reached

log = structlog.get_logger(__name__)

PATIENCE = 5
"""Transient errors in a row after which a drain leaves it to the next one."""


@dataclass
class Batch:
    """One claimed batch and what became of it."""

    rows: list[Claimed]
    rung: list[Claimed] = field(default_factory=list)
    affected: int = 0
    failed: int = 0
    parked: bool = False
    originals: dict[int, datetime] = field(default_factory=dict)
    moment: datetime | None = None
    read_at: float = 0.0


def drain_rings(
    kind: Rings, memory: Memory, budget: float, stopping: threading.Event | None = None
) -> Drained:
    """Batch after batch while rows are claimed, until `budget` seconds are over."""
    total, ends, misses = Drained(kind.name), time.monotonic() + budget, 0
    memory.begin()
    while misses < PATIENCE:
        asked = memory.batch
        try:
            batch = ring_batch(kind, memory)
        except Exception as error:
            _bear(kind, memory, error)
            misses += 1
            continue
        misses = 0
        _count(total, batch)
        total.parked = batch.parked
        # Rows claimed, never rows changed: a batch of rows already settled changes nothing.
        total.finished = batch.parked or len(batch.rows) < asked
        if total.finished or time.monotonic() >= ends or (stopping and stopping.is_set()):
            break
    memory.end()
    return total


def ring_batch(kind: Rings, memory: Memory) -> Batch:
    """Claim, ring, commit one batch."""
    holding.begin()
    with transaction.atomic(durable=True):
        batch = Batch(claim(kind, memory.batch, memory.floor))
        memory.claimed(batch.rows)
        reached("clock.ring.claimed")
        if batch.rows:
            _ring(kind, batch, memory.unmoved(batch.rows))
        reached("clock.ring.done")
    memory.committed(batch.rung, holding.seconds(), kind.aim)
    if batch.rung and batch.moment:
        committed = batch.moment + timedelta(seconds=time.monotonic() - batch.read_at)
        lateness.observe(
            kind.name, [committed - batch.originals.get(row.pk, row.due) for row in batch.rung]
        )
    return batch


def _ring(kind: Rings, batch: Batch, unmoved: list[Claimed]) -> None:
    # One question for the moment and for what was set aside, asked before anything is held up.
    moment, had = claimed(kind, [row.pk for row in batch.rows])
    batch.moment, batch.read_at = moment, time.monotonic()
    enough, calls = Enough(kind), 0

    def ring(part: list[Claimed]) -> None:
        nonlocal calls
        calls += 1
        changed = _in_savepoint(kind, [row.pk for row in part], moment, again=calls > 1)
        batch.affected += len(part) if changed is None else changed

    for row in unmoved:
        enough(row, StillDue())
    if not enough.parked_for:
        rest = [row for row in batch.rows if row not in unmoved] if unmoved else batch.rows
        batch.rung = bisect(rest, ring, enough) if rest else []
    enough.settle()
    batch.originals = release(kind, [row.pk for row in batch.rung], had)
    batch.failed, batch.parked = len(enough.failed), bool(enough.parked_for)


def _in_savepoint(kind: Rings, pks: list[int], moment: datetime, *, again: bool) -> int | None:
    with transaction.atomic(), connection.cursor() as cursor:
        if again:  # the part before left every constraint immediate
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        changed = kind.handler(pks, now=moment)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return changed


def _bear(kind: Rings, memory: Memory, error: Exception) -> None:
    """The whole batch was rolled back for a reason that is no row's own: prepare the next try."""
    what = fault(error)
    log.info("clock.rolled_back", kind=kind.name, fault=what.value, rows=len(memory.in_hand))
    if what is Fault.ROW:
        raise error
    if what is Fault.TRANSIENT:
        memory.in_hand = []
        time.sleep(random.uniform(0.005, 0.05))
        return
    if what is Fault.LOST:
        connection.close()
        if not memory.in_hand:
            raise error  # not even a claim: the database is away, and its caller's to wait for
        memory.losses += 1
        if memory.losses < 2:
            return
    if len(memory.in_hand) == 1:
        _set_aside(kind, memory.in_hand[0], error)
    memory.halve()


def _set_aside(kind: Rings, row: Claimed, error: Exception) -> None:
    with transaction.atomic(durable=True):
        if claim_one(kind, row):
            enough = Enough(kind)
            enough(row, error)
            enough.settle()


def _count(total: Drained, batch: Batch) -> None:
    step = Drained(
        total.kind, len(batch.rows), batch.affected, batch.failed, batches=bool(batch.rows)
    )
    lateness.count(step)
    total.add(step)
