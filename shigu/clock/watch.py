"""What a driver of the clock keeps between two looks: what to leave alone, and how long to sleep.

`look()` says which kinds have something to do now. A kind whose due rows could not be had (others
hold them, nobody drains them) is left alone for a moment, longer each time. The embedded runner and
a fleet's scheduler look in the same way; they differ in what they do about it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from shigu.clock.due import due_by_kind
from shigu.clock.kinds import Kind, known
from shigu.clock.memory import Memory

LONGEST_REST = 1.0


@dataclass
class Rest:
    """How long a kind is left alone; doubled each time it did not help."""

    until: float = 0.0
    pause: float = 0.005

    def longer(self, least: float = 0.0) -> None:
        self.pause = max(least, min(LONGEST_REST, self.pause * 2))
        self.until = time.monotonic() + self.pause


@dataclass(frozen=True)
class Look:
    """Seconds until each kind's next due row, the kinds to be seen to now, and all looked at."""

    due: dict[str, float]
    ready: list[Kind]
    seen: set[str]

    def is_overdue(self, kind: Kind) -> bool:
        return self.due.get(kind.name, 1.0) <= 0


class Watch:
    """One driver's view of all kinds."""

    def __init__(self) -> None:
        self.memories = {kind.name: Memory.of(kind) for kind in known()}
        self.rests: dict[str, Rest] = {}

    def look(self, busy: Collection[str] = ()) -> Look:
        """One statement over all kinds but those at rest and those that are `busy`."""
        at = time.monotonic()
        away = {name for name, rest in self.rests.items() if rest.until > at} | set(busy)
        due = due_by_kind(self.memories, without=away)
        ready = [kind for kind in known() if kind.name not in away and self._is_ready(kind, due)]
        self._forget_rests(due)
        return Look(due, ready, set(self.memories) - away)

    def leave(self, kind: Kind, *, least: float = 0.0) -> None:
        """Not to be had just now: look at it again after a rest, longer than the one before."""
        self.rests.setdefault(kind.name, Rest()).longer(least)

    def forget(self, name: str) -> None:
        """It may be had again."""
        self.rests.pop(name, None)

    def nearest(self, seconds: float) -> float:
        """So long, or until the first rest is over."""
        ends = [rest.until - time.monotonic() for rest in list(self.rests.values())]
        return max(0.001, min([seconds, *(end for end in ends if end > 0)]))

    def _is_ready(self, kind: Kind, due: dict[str, float]) -> bool:
        return due.get(kind.name, 1.0) <= 0 or self.memories[kind.name].must_look_below

    def _forget_rests(self, due: dict[str, float]) -> None:
        at = time.monotonic()
        for name, rest in list(self.rests.items()):
            if rest.until <= at and due.get(name, 1.0) > 0:
                self.rests.pop(name, None)
