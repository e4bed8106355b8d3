"""What a drain did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Drained:
    """Figures of one drain. `finished`: nothing more of this kind was to be had."""

    kind: str
    claimed: int = 0
    affected: int = 0
    failed: int = 0
    batches: int = 0
    finished: bool = False
    parked: bool = False

    def add(self, other: Drained) -> None:
        """Count another drain of the same kind in."""
        self.claimed += other.claimed
        self.affected += other.affected
        self.failed += other.failed
        self.batches += other.batches
        self.finished, self.parked = other.finished, other.parked
