"""The benchmark of bids runs every side, and refuses one that loses, doubles or misjudges a decision."""

from __future__ import annotations

import pytest
from django.db import connection

from shigu.auctions.models import Bid
from shigu.bench import bids
from shigu.bench.bidders import bidders
from shigu.bench.errors import NotTheSame
from tests.bench.test_shape import shape_of


def test_bids_runs_every_side_and_keeps_its_shape(clone: str) -> None:
    """Our door, the row lock and the bare SQL decide bids in one call; the thousand are told apart."""
    tiny = bids.Sizes(clients=6, processes=2, seconds=0.3, rounds=1, many=20)
    said = shape_of(bids.run(tiny))
    assert (said["name"], said["unit"]) == ("bids", "decided bids/s")
    assert said["baselines"].keys() == {"for_update"}
    assert said["setup"]["broken_invariants"] == 0
    assert said["setup"]["thousand"]["clients"] == 20
    assert said["setup"]["p99_ms"]["shigu"] >= said["setup"]["p50_ms"]["shigu"] > 0


@pytest.mark.parametrize("side", sorted(bidders))
def test_each_side_writes_the_same_log(clone: str, side: str, settings: object) -> None:
    """Two bidders of each side, forty bids: the replay agrees; one missing or changed is refused."""
    settings.AUCTION_BIDS = 10_000  # type: ignore[attr-defined]
    room = bids.furnish(2)
    lot = bids.hot_lot(room)
    each = [bidders[side](person, lot) for person in room.people]
    for n in range(20):
        for bid in each:
            bid(f"key {n}")
    bids.same_log(side, lot, 40)
    kinds = set(Bid.objects.values_list("verdict", flat=True))
    assert {"accepted", "too-low"} <= kinds
    with pytest.raises(NotTheSame, match="answered 41 bids and kept 40"):
        bids.same_log(side, lot, 41)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auctions_bid DISABLE TRIGGER ALL")
        cursor.execute("UPDATE auctions_bid SET verdict = 'too-low' WHERE n = 1")
    with pytest.raises(NotTheSame, match="verdict"):
        bids.same_log(side, lot, 40)
