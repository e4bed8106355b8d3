"""What one process remembers of a kind between claims: batch size, floor, what it has in hand.

The floor keeps claims off the dead head of the index. Rows committed late, back-dated or skipped as
locked may lie below it, so every 30 to 60 s one pass looks without it. All of this may be lost at
any moment; a drain without a `Memory` simply looks at everything.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shigu.clock.claiming import Claimed
from shigu.clock.kinds import Kind, Rings

MARGIN = timedelta(seconds=15)
"""How far below what was claimed last a floor stays: longer than any transaction may idle."""

LARGEST = 2000
FIRST, FIRST_HOLDING = 500, 100
LEAST = 25
"""No batch is made smaller for being slow: what takes long then is the machine, not the rows."""


@dataclass
class Memory:
    """One kind in one process."""

    batch: int = FIRST
    floor: datetime | None = None
    look_below_at: float = 0.0
    in_hand: list[Claimed] = field(default_factory=list)
    losses: int = 0
    before: frozenset[tuple[int, datetime]] = frozenset()

    @classmethod
    def of(cls, kind: Kind) -> Memory:
        return cls(FIRST_HOLDING if isinstance(kind, Rings) and kind.holds else FIRST)

    @property
    def must_look_below(self) -> bool:
        """Whether the unbounded pass is due."""
        return time.monotonic() >= self.look_below_at

    def begin(self) -> None:
        """A drain begins: with the floor, or once in a while without."""
        if self.must_look_below:
            self.floor = None
            self.look_below_at = time.monotonic() + random.uniform(30, 60)

    def claimed(self, rows: Sequence[Claimed]) -> None:
        """These rows are in hand; what lies before the last of them was claimed or is locked."""
        self.in_hand = list(rows)
        if rows:
            self.floor = max(row.due for row in rows)

    def unmoved(self, rows: Sequence[Claimed]) -> list[Claimed]:
        """Those that were rung in the batch before and are due exactly as they were."""
        return [row for row in rows if (row.pk, row.due) in self.before]

    def committed(self, rung: Sequence[Claimed], seconds: float, aim: float) -> None:
        """A batch is done: the next is as large as fits into `aim` seconds."""
        rows = len(self.in_hand)
        self.before = frozenset((row.pk, row.due) for row in rung)
        self.in_hand, self.losses = [], 0
        fits = int(rows * aim / max(seconds, 1e-6))
        if rows >= self.batch:
            least, most = min(LEAST, self.batch * 2), min(LARGEST, self.batch * 2)
            self.batch = max(least, min(most, fits), self.batch // 2)

    def halve(self) -> None:
        """What is in hand was too much at once."""
        self.batch = max(1, len(self.in_hand) // 2)
        self.in_hand, self.losses = [], 0

    def end(self) -> None:
        """The drain is over: the next begins a margin below where this one came to."""
        self.in_hand = []
        if self.floor:
            self.floor -= MARGIN
