"""The benchmark of closing runs, says what it promised to say, and refuses a side that writes less."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from shigu import clock
from shigu.auctions.models import Bidding, LotState
from shigu.bench import close, lots, world
from shigu.bench.errors import NotTheSame
from shigu.clock import claiming
from shigu.clock.kinds import find
from tests.bench.test_shape import shape_of


def test_close_runs_every_side_and_keeps_its_shape(clone: str) -> None:
    """Drain, loop and hand-written SQL settle the same lots in one call."""
    small = close.Sizes(lots=30, waiting=40, sample=10, sessions=2, people=5, rounds=1)
    said = shape_of(close.run(small))
    assert (said["name"], said["unit"]) == ("close", "lots/s")
    assert said["baselines"].keys() == {"loop"}
    assert said["setup"]["waiting"] == 40
    open_still = Bidding.objects.filter(state=LotState.PREVIEW, due_at__gt=clock.now())
    assert open_still.count() == 40
    ended = Bidding.objects.exclude(pk__in=open_still).values_list("state", flat=True)
    assert set(ended) <= {LotState.SOLD, LotState.PASSED_IN}


def test_what_is_due_is_found_by_its_index_among_what_waits(clone: str) -> None:
    """Nothing is read of lots that wait: with statistics the planner asks the partial index for what is due."""
    shop = world.furnish(people=5, skus=1)
    things = lots.things(2020)
    lots.due(shop, things[:20], sessions=2, waiting=things[20:])
    query, values = claiming.claim_query(find("auctions.close"), 500, None)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + query, values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.search(r"Index Scan (using|on) bidding_due", plan)
    assert "Index Cond: (due_at <= shigu_now())" in plan
    assert "Seq Scan" not in plan


LESS = [
    "DELETE FROM auctions_award WHERE id = (SELECT min(id) FROM auctions_award)",
    "DELETE FROM orders_orderline WHERE id = (SELECT min(id) FROM orders_orderline)",
    "DELETE FROM orders_orderevent WHERE id = (SELECT min(id) FROM orders_orderevent)",
    "DELETE FROM notices_notice WHERE id = (SELECT min(id) FROM notices_notice)",
    "UPDATE auctions_deposit SET decide_at = NULL",
    "UPDATE auctions_session SET hammer_total = 0",
    "UPDATE auctions_bidding SET version = 2 WHERE lot_id = (SELECT max(lot_id) FROM auctions_bidding)",
    "UPDATE auctions_session SET open_lots = 0",
]


def test_a_side_that_writes_less_is_refused(clone: str) -> None:
    """One row missing of any kind fails the benchmark, and so does a lot that waits and was touched."""
    shop = world.furnish(people=5, skus=1)
    things = lots.things(25)
    for less in LESS:
        lots.clear()
        lots.due(shop, things[:20], sessions=2, waiting=things[20:])
        close._shigu()
        lots.check("shigu", 20, waiting=5)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(less)
            cursor.execute("SET session_replication_role = origin")
        with pytest.raises(NotTheSame):
            lots.check("shigu", 20, waiting=5)
