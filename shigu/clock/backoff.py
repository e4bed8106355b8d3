"""How long to wait before the next try: `Backoff(first, factor, most).after(tries)`.

Retries are jittered (up to a fifth shorter, never longer), so that what failed together does not
come back together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first`, then `factor` times as long after each failure, `most` at most."""

    first: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    most: timedelta = timedelta(hours=1)
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.first <= timedelta(0) or self.factor < 1 or self.most < self.first:
            raise ValueError("a backoff begins above zero and never shrinks")
        if not 0 <= self.jitter < 1:
            raise ValueError("jitter is a share between 0 and 1")

    def after(self, tries: int) -> timedelta:
        """Wait after the `tries`-th failure (from 1), jitter taken off."""
        return self.longest(tries) * (1 - self.jitter * random.random())

    def longest(self, tries: int) -> timedelta:
        """The same without jitter."""
        first, most = self.first.total_seconds(), self.most.total_seconds()
        try:
            wait = first * self.factor ** max(0, tries - 1)
        except OverflowError:
            wait = most
        return timedelta(seconds=min(most, wait))
