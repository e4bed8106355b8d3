"""The one door for drivers: `drain(kind)` does what is due of a kind, `drain_all()` of all kinds.

The embedded runner, a worker of a fleet, `shigu clock once` and tests all come through here. A
driver that stays gives each kind a `Memory`, so that its claims keep a floor and a fitting batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog

from shigu.clock import lateness, periodic
from shigu.clock.calling import drain_calls
from shigu.clock.drained import Drained
from shigu.clock.kinds import Calls, Every, Kind, Rings, find, known
from shigu.clock.memory import Memory
from shigu.clock.quarantine import is_parked
from shigu.clock.ringing import drain_rings

log = structlog.get_logger(__name__)

__all__ = ["Drained", "drain", "drain_all"]

ROUNDS = 1000


def drain(
    name: str | Kind | Callable[..., Any],
    *,
    budget: float = 2.0,
    memory: Memory | None = None,
    stopping: threading.Event | None = None,
) -> Drained:
    """What is due of one kind, for about `budget` seconds; `stopping` ends it between batches."""
    kind = find(name)
    if is_parked(kind):
        return Drained(kind.name, parked=True, finished=True)
    total = _drain(kind, memory or Memory.of(kind), budget, stopping)
    lateness.flush()
    return total


def drain_all(*, budget: float = 60.0) -> dict[str, Drained]:
    """All kinds, round after round, until nothing was claimed any more."""
    periodic.ensure()
    totals = {kind.name: Drained(kind.name) for kind in known()}
    memories = {kind.name: Memory.of(kind) for kind in known()}
    for _ in range(ROUNDS):
        if not _round(totals, memories, budget):
            break
    else:
        log.warning("clock.no_end", rounds=ROUNDS)
    lateness.flush(at_once=True)
    return totals


def _round(totals: dict[str, Drained], memories: dict[str, Memory], budget: float) -> int:
    claimed = 0
    for name, total in totals.items():
        memories[name].look_below_at = 0.0
        step = drain(name, budget=budget, memory=memories[name])
        total.add(step)
        claimed += step.claimed
    return claimed


def _drain(kind: Kind, memory: Memory, budget: float, stopping: threading.Event | None) -> Drained:
    if isinstance(kind, Rings):
        return drain_rings(kind, memory, budget, stopping)
    if isinstance(kind, Calls):
        return drain_calls(kind, memory, budget, stopping)
    assert isinstance(kind, Every)
    return periodic.drain_every(kind)
