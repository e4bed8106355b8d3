"""The price engine: figures that a shopkeeper can check by hand, and properties for all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shigu.orders.pricing import Wanted, quote

LINES = st.lists(
    st.builds(Wanted, st.integers(1, 9), st.integers(0, 10**8), st.integers(1, 99)), max_size=12
)


def test_two_teapots_and_a_course() -> None:
    """Two teapots at ¥268 and a course at ¥399 are ¥935."""
    found = quote([Wanted(1, 26800, 2), Wanted(2, 39900, 1)])
    assert [line.payable for line in found.lines] == [53600, 39900]
    assert (found.list_total, found.payable) == (93500, 93500)


@given(LINES)
def test_line_payables_add_up(lines: list[Wanted]) -> None:
    """Σ line payables = payable ≥ 0, and no line costs more than its list price."""
    found = quote(lines)
    assert found.payable == sum(line.payable for line in found.lines) >= 0
    assert all(0 <= line.payable <= line.price <= line.list_price for line in found.lines)


@given(LINES)
def test_the_order_of_lines_changes_no_total(lines: list[Wanted]) -> None:
    """Whoever sorts the cart pays the same."""
    assert quote(lines).payable == quote(lines[::-1]).payable


@pytest.mark.parametrize("line", [Wanted(1, 100, 0), Wanted(1, -1, 1)])
def test_nonsense_has_no_price(line: Wanted) -> None:
    """No pieces, or a negative price, is a programming error, not a discount."""
    with pytest.raises(ValueError, match="cannot price"):
        quote([line])
