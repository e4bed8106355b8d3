"""When the next thing is due: `next_due()`, one statement over all kinds, 0.1 ms each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shigu.clock.claiming import next_query, run
from shigu.clock.kinds import known
from shigu.clock.memory import Memory


def next_due() -> float | None:
    """Seconds until the earliest due moment of all kinds; 0 and below: now; None: nothing waits."""
    return min(due_by_kind().values(), default=None)


def due_by_kind(
    memories: Mapping[str, Memory] | None = None, without: Collection[str] = ()
) -> dict[str, float]:
    """Seconds until each kind's next due row; parked and empty kinds are left out."""
    parts: list[str] = []
    values: list[Any] = []
    for kind in known():
        if kind.name not in without:
            memory = (memories or {}).get(kind.name)
            part, bound = next_query(kind, memory.floor if memory else None)
            parts.append(part)
            values += bound
    return dict(run(" UNION ALL ".join(parts), values)) if parts else {}
