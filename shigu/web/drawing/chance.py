"""Chance that is the same every time: numbers from a name, on every machine and in every Python.

`Chance("slug")` then `.between(low, high)`, `.pick(options)`, `.flip()`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A small linear congruential generator seeded by a text."""

    def __init__(self, seed: str) -> None:
        self._state = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")

    def number(self) -> float:
        """The next number in [0, 1)."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 32) / 2**32

    def between(self, low: float, high: float) -> float:
        """The next number in [low, high)."""
        return low + (high - low) * self.number()

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.number() * len(options))]

    def flip(self) -> bool:
        """Yes or no."""
        return self.number() < 0.5
