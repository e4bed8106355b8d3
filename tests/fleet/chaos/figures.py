"""Figures of a run: lateness, and how large each worker was over time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from statistics import median

import psutil

from tests.fleet.chaos.keeper import Program

MIB = 1024 * 1024


class Scales:
    """`weigh()` now and then; `told()` is, by name, MiB early and late in a process's life, and the most."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = list(programs)
        self._weights: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def weigh(self) -> None:
        for program in self.programs:
            for process in program.family():
                with suppress(psutil.Error):
                    age = time.time() - process.create_time()
                    weight = process.memory_full_info().uss / MIB
                    self._weights[program.name].append((age, weight))

    def told(self) -> dict[str, dict[str, float]]:
        return {name: _of(found) for name, found in sorted(self._weights.items())}


def _of(found: Sequence[tuple[float, float]]) -> dict[str, float]:
    oldest = max(age for age, _ in found)
    young = [weight for age, weight in found if age <= oldest / 4]
    old = [weight for age, weight in found if age >= oldest * 3 / 4]
    return {
        "oldest_s": round(oldest),
        "young_mib": round(median(young or old), 1),
        "old_mib": round(median(old), 1),
        "most_mib": round(max(weight for _, weight in found), 1),
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Count, median, 99th of a hundred, and the longest, in seconds."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    names = ("p50", "p99", "max")
    figures = dict(zip(names, (*at, ordered[-1]), strict=True))
    return {"count": len(ordered), **{name: round(one, 3) for name, one in figures.items()}}
