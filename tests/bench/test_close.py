"""The benchmark of closing runs, says what it promised to say, and refuses a side that writes less."""

from __future__ import annotations

import pytest
from django.db import connection

from shigu.auctions.models import Bidding, LotState
from shigu.bench import close, lots, world
from shigu.bench.errors import NotTheSame
from tests.bench.test_shape import shape_of


def test_close_runs_every_side_and_keeps_its_shape(clone: str) -> None:
    """Drain, loop and hand-written SQL settle the same lots in one call."""
    said = shape_of(close.run(close.Sizes(lots=30, sample=10, sessions=2, people=5, rounds=1)))
    assert (said["name"], said["unit"]) == ("close", "lots/s")
    assert said["baselines"].keys() == {"loop"}
    assert set(Bidding.objects.values_list("state", flat=True)) <= {
        LotState.SOLD,
        LotState.PASSED_IN,
    }


LESS = [
    "DELETE FROM auctions_award WHERE id = (SELECT min(id) FROM auctions_award)",
    "DELETE FROM orders_orderline WHERE id = (SELECT min(id) FROM orders_orderline)",
    "DELETE FROM orders_orderevent WHERE id = (SELECT min(id) FROM orders_orderevent)",
    "DELETE FROM notices_notice WHERE id = (SELECT min(id) FROM notices_notice)",
    "UPDATE auctions_deposit SET decide_at = NULL",
    "UPDATE auctions_session SET hammer_total = 0",
]


def test_a_side_that_writes_less_is_refused(clone: str) -> None:
    """One row missing of any kind fails the benchmark."""
    shop = world.furnish(people=5, skus=1)
    things = lots.things(20)
    for less in LESS:
        lots.clear()
        lots.due(shop, things, sessions=2)
        close._shigu()
        lots.check("shigu", 20)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(less)
            cursor.execute("SET session_replication_role = origin")
        with pytest.raises(NotTheSame):
            lots.check("shigu", 20)
