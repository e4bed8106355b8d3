"""Bisecting rings every good row once and finds exactly the bad ones, cheaply."""

from __future__ import annotations

import math

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shigu.clock.bisecting import bisect


@given(st.integers(1, 600), st.sets(st.integers(0, 599), max_size=8))
def test_finds_exactly_the_bad_rows(size: int, bad: set[int]) -> None:
    """For any batch and any bad rows: good ones ring once, bad ones are told alone, few calls."""
    rung: list[int] = []
    alone: list[int] = []
    calls = 0

    def ring(part: list[int]) -> None:
        nonlocal calls
        calls += 1
        if bad & set(part):
            raise ValueError
        rung.extend(part)

    def failed(row: int, _error: Exception) -> bool:
        alone.append(row)
        return False

    rows, broken = list(range(size)), sorted(bad & set(range(size)))
    assert bisect(rows, ring, failed) == rung == [row for row in rows if row not in bad]
    assert alone == broken
    assert calls <= 1 + len(broken) * 2 * math.ceil(math.log2(size) if size > 1 else 1)


def test_enough_is_enough() -> None:
    """When told that this is enough, nothing more is rung."""
    calls: list[list[int]] = []

    def ring(part: list[int]) -> None:
        calls.append(part)
        raise ValueError

    assert bisect(range(8), ring, lambda row, error: True) == []
    assert calls == [list(range(8)), [0, 1, 2, 3], [0, 1], [0]]


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected(), psycopg.OperationalError()])
def test_what_is_no_rows_fault_is_raised(error: Exception) -> None:
    """A deadlock or a lost connection ends the whole batch instead of being hunted for."""

    def ring(part: list[int]) -> None:
        raise error

    with pytest.raises(type(error)):
        bisect(range(8), ring, lambda row, error: False)
