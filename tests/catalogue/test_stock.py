"""Counts of goods: moved together, within bounds, with a movement that says why."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Moved, Stock, StockMovement
from shigu.catalogue.stock import Change
from tests.goods import fan, python_course, sku, teapot

pytestmark = pytest.mark.usefixtures("clone")


def counts(of: int) -> tuple[int, int, int]:
    row = Stock.objects.get(pk=of)
    return row.on_hand, row.held, row.sold


def test_all_changes_of_a_transaction_in_one_statement() -> None:
    """Several SKUs, several columns, each by its own figure."""
    pot, cloth = sku(teapot(stock=8)).pk, sku(fan(red=5)).pk
    stock.move({cloth: Change(held=2), pot: Change(on_hand=-1, held=0, sold=1)})
    assert counts(pot) == (7, 0, 1)
    assert counts(cloth) == (5, 2, 0)


@pytest.mark.parametrize(
    "change", [Change(held=9), Change(held=-1), Change(on_hand=-9), Change(sold=-1)]
)
def test_no_count_leaves_its_bounds(change: Change) -> None:
    """More held than there is, less than nothing: the database refuses, and nothing moved."""
    pot, cloth = sku(teapot(stock=8)).pk, sku(fan(red=5)).pk
    with pytest.raises(IntegrityError), transaction.atomic():
        stock.move({cloth: Change(held=1), pot: change})
    assert (counts(pot), counts(cloth)) == ((8, 0, 0), (5, 0, 0))


def test_what_has_no_stock_cannot_be_moved() -> None:
    """A course has no pieces: moving them is a programming error, found at once."""
    with pytest.raises(LookupError, match="no stock row"), transaction.atomic():
        stock.move({sku(python_course()).pk: Change(held=1)})


def test_free_is_what_nobody_holds() -> None:
    """For pages without a lock, for decisions with one: the same figure."""
    pot = sku(teapot(stock=8)).pk
    stock.move({pot: Change(held=3)})
    with transaction.atomic():
        assert stock.locked_free([pot]) == stock.free_now([pot]) == {pot: 5}


def test_a_correction_counts_once() -> None:
    """The same event sent twice changes the counts once."""
    pot = sku(teapot(stock=8)).pk
    event = {"pieces": -2, "kind": Moved.CORRECTION, "subject": "shelf check 1", "by": "operator"}
    stock.correct(pot, **event, now=clock.now())
    with pytest.raises(IntegrityError):
        stock.correct(pot, **event, now=clock.now())
    assert counts(pot) == (6, 0, 0)
    rows = StockMovement.objects.filter(kind=Moved.CORRECTION)
    assert [(row.pieces, row.by) for row in rows] == [(-2, "operator")]
