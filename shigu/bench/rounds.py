"""Every side in turn, round after round, on the same machine in the same call; medians at the end.

Each round begins with another side, so that a machine that grows warm or busy treats all alike.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

from shigu.bench.report import shown

Side = Callable[[], float]
Figures = dict[str, list[float]]

_began = time.monotonic()


def say(words: str) -> None:
    """Progress, on stderr: stdout is for the result."""
    print(f"bench {time.monotonic() - _began:6.1f} s  {words}", file=sys.stderr, flush=True)


def alternate(sides: Mapping[str, Side], *, rounds: int) -> Figures:
    """The figure of each side in each round."""
    names = list(sides)
    figures: Figures = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            figures[name].append(sides[name]())
            say(f"round {number + 1} of {rounds}: {name} {shown(figures[name][-1]):,}")
    return figures


def medians(figures: Figures) -> dict[str, float]:
    """The median of each side's rounds."""
    return {name: median(found) for name, found in figures.items()}


def rounded(figures: Figures) -> Figures:
    """Each round's figure, for the report's setup."""
    return {name: [shown(figure) for figure in found] for name, found in figures.items()}


def quantile(found: list[float], share: float) -> float:
    """The value below which `share` of them lie; 0 where there is none."""
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
    }
