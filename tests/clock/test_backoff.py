"""Waits grow, end at the longest, and are never longer than promised."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shigu.clock import Backoff


@given(
    st.floats(0.001, 1000),
    st.floats(1, 10),
    st.floats(1, 1000),
    st.integers(1, 10_000),
    st.floats(0, 0.99),
)
def test_bounds(first: float, factor: float, longer: float, tries: int, jitter: float) -> None:
    """For any setting each wait lies between its jittered least and its most, and never shrinks."""
    backoff = Backoff(timedelta(seconds=first), factor, timedelta(seconds=first * longer), jitter)
    wait, longest = backoff.after(tries), backoff.longest(tries)
    assert longest * (1 - jitter) - timedelta(microseconds=1) <= wait <= longest <= backoff.most
    assert longest <= backoff.longest(tries + 1)


@pytest.mark.parametrize(
    "values",
    [
        {"first": timedelta(0)},
        {"factor": 0.5},
        {"most": timedelta(seconds=1)},
        {"jitter": 1},
    ],
)
def test_nonsense_is_refused(values: dict) -> None:
    """A backoff that would never wait, or shrink, is a mistake at import."""
    with pytest.raises(ValueError, match=r"backoff|jitter"):
        Backoff(**values)
