"""Fen and yuan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shigu.kit.money import fen, yuan


@given(st.integers(min_value=0, max_value=10**13))
def test_yuan_and_fen_are_inverse(amount: int) -> None:
    """Whatever is written as yuan is read back to the fen."""
    assert fen(yuan(amount)) == amount


@pytest.mark.parametrize("text", ["", "1.234", "-1", "1,00", "１", "1.", ".5", "1e3", " 1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Only plain digits with at most two decimals are an amount."""
    with pytest.raises(ValueError, match="not an amount"):
        fen(text)


def test_a_negative_amount_keeps_its_sign() -> None:
    """Half a yuan less than nothing is written with one sign."""
    assert yuan(-50) == "-0.50"
