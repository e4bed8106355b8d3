"""Finding the few rows that spoil a batch: halve until they stand alone.

One bad row among 500 costs about 2 x 9 further calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shigu.clock.faults import Fault, fault

T = TypeVar("T")


def bisect(
    rows: Sequence[T], ring: Callable[[list[T]], None], alone: Callable[[T, Exception], bool]
) -> list[T]:
    """Ring all of `rows` that can be; returns those.

    `ring` does a part whole or raises having done nothing of it. `alone` hears of each row that
    failed by itself and may say that this is enough. What is not a row's own fault is raised.
    """
    rung: list[T] = []
    waiting = [list(rows)]
    while waiting:
        part = waiting.pop()
        try:
            ring(part)
        except Exception as error:
            if fault(error) is not Fault.ROW:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
            elif alone(part[0], error):
                break
        else:
            rung += part
    return rung
