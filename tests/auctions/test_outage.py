"""A lot never closes on a time in which nobody could bid; how that is known, and what it gets instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from shigu import clock
from shigu.auctions import beating
from shigu.auctions.beating import Heart, beat
from shigu.auctions.committing import bid
from shigu.auctions.errors import BiddingOver
from shigu.auctions.models import Bidding, Extension, Heartbeat, LotState, Outage
from shigu.clock.drain import drain
from tests.auctions.saleroom import Saleroom
from tests.people import alice
from tests.races.market import assert_audit_holds

SECOND = timedelta(seconds=1)


@pytest.fixture
def room(clone: str) -> Saleroom:
    """A live session, in a database of its own."""
    return Saleroom()


def blind(seconds: float, process: str = "web") -> None:
    """The last beat of a process was so long ago, by the real clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO auctions_heartbeat VALUES"
            " (%s, clock_timestamp() - make_interval(secs => %s))"
            " ON CONFLICT (process) DO UPDATE SET at = excluded.at",
            [process, seconds],
        )


def ended(room: Saleroom, seconds_ago: float) -> Bidding:
    """A lot that Alice leads, whose end was so long ago, and which nobody has closed yet."""
    lot = room.lot(closes_in=timedelta(minutes=5))
    room.bid(lot, alice(), 1000)
    end = clock.now() - seconds_ago * SECOND
    Bidding.objects.filter(pk=lot.pk).update(
        closes_at=end, due_at=end, decided_at=end - SECOND, opens_at=end - timedelta(hours=1)
    )
    return lot


def state(lot: Bidding) -> LotState:
    lot.refresh_from_db()
    return LotState(lot.state)


def test_with_a_beating_heart_a_lot_closes(room: Saleroom) -> None:
    """A process that beat a moment ago: bids could come, so what is due is closed."""
    lot = ended(room, 3)
    blind(1)
    drain("auctions.close")
    assert state(lot) == LotState.SOLD
    assert not Extension.objects.exists()


def test_where_nobody_ever_beat_lots_close(room: Saleroom) -> None:
    """A shop without web processes, as in a test or a script, is no outage."""
    lot = ended(room, 3)
    drain("auctions.close")
    assert state(lot) == LotState.SOLD


def test_an_end_in_a_blind_time_is_moved(room: Saleroom) -> None:
    """No beat for minutes, the end half a minute ago: as much time again, told in a row, and bids count."""
    lot = ended(room, 30)
    was = Bidding.objects.get(pk=lot.pk)
    blind(200)
    before = clock.now()
    assert drain("auctions.close").failed == 0
    assert state(lot) == LotState.LIVE
    assert lot.closes_at == lot.due_at
    assert 200 * SECOND <= lot.closes_at - before < 205 * SECOND
    assert lot.version == was.version + 1
    told = Extension.objects.get()
    assert (told.why, told.after, told.by_id) == ("outage", 1, None)
    assert (told.met_end, told.closes_at) == (was.closes_at, lot.closes_at)
    assert room.bid(lot, alice(), 1500, 5000).n == 2
    drain("auctions.close")
    assert Extension.objects.count() == 1


def test_an_end_before_the_blind_time_stands(room: Saleroom) -> None:
    """The lot was over when the lights went out: it is sold, however late."""
    lot = ended(room, 120)
    blind(60)
    drain("auctions.close")
    assert state(lot) == LotState.SOLD


def test_a_gap_within_the_set_time_is_none(room: Saleroom) -> None:
    """Fourteen seconds without a beat are a slow moment, not an outage."""
    lot = ended(room, 3)
    blind(10)
    drain("auctions.close")
    assert state(lot) == LotState.SOLD


def test_one_of_many_processes_is_enough(room: Saleroom) -> None:
    """One web process is gone for hours, another beats: nobody was kept from bidding."""
    lot = ended(room, 30)
    blind(7200, "gone")
    blind(1, "here")
    drain("auctions.close")
    assert state(lot) == LotState.SOLD


def test_after_the_lights_are_on_again_what_fell_into_the_dark_gets_time(room: Saleroom) -> None:
    """The first beat tells the outage; a lot whose end lay in it is spared, and counted, once."""
    lot, before = ended(room, 30), ended(room, 300)
    blind(90)
    gap = beat("web")
    assert gap is not None
    assert gap >= 90 * SECOND
    assert beat("web") is None
    assert beat("other") is None
    told = Outage.objects.get()
    assert abs(told.until - told.since - gap) < SECOND
    drain("auctions.close")
    assert (state(lot), state(before)) == (LotState.LIVE, LotState.SOLD)
    assert Outage.objects.get().lots == 1
    after = told.until + SECOND / 1000
    Bidding.objects.filter(pk=lot.pk).update(closes_at=after, due_at=after)
    drain("auctions.close")
    assert state(lot) == LotState.SOLD
    assert Extension.objects.count() == 1


def test_lots_spared_in_the_dark_are_counted_when_it_is_told(room: Saleroom) -> None:
    """The clock came before the first beat did: the outage's row counts those lots too."""
    ended(room, 30)
    blind(90)
    drain("auctions.close")
    beat("web")
    assert Outage.objects.get().lots == 1


def test_a_moved_clock_is_no_outage(room: Saleroom) -> None:
    """An hour later by the shop's clock, a second later by the wall's: lots close."""
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    beat("web")
    with clock.shifted(timedelta(hours=2)):
        drain("auctions.close")
        assert state(lot) == LotState.SOLD
        assert beat("web") is None


def test_more_time_has_a_least_and_a_most(clone: str) -> None:
    """A short blind time gives a minute, or the soft extension; days of it give an hour."""
    room = Saleroom(soft_window=60, soft_extension=300)
    lot = ended(room, 10)
    blind(20)
    before = clock.now()
    drain("auctions.close")
    assert state(lot) == LotState.LIVE
    assert 300 * SECOND <= lot.closes_at - before < 305 * SECOND
    Bidding.objects.filter(pk=lot.pk).update(
        closes_at=before, due_at=before, decided_at=before - SECOND
    )
    blind(3 * 86400)
    drain("auctions.close")
    assert state(lot) == LotState.LIVE
    assert 3600 * SECOND <= lot.closes_at - clock.now() + SECOND < 3605 * SECOND


def test_between_end_and_more_time_bids_are_refused_and_the_log_replays(room: Saleroom) -> None:
    """A bid before the clock came by is too late; the next one, after, counts; the audit follows both."""
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    beat("web")
    clock.shift(lot.closes_at - clock.now())
    with pytest.raises(BiddingOver):
        bid(room.offer(lot, alice(), 2000, 3000))
    blind(60)
    drain("auctions.close")
    assert room.bid(lot, alice(), 2000, 3000).verdict == "raised"
    assert_audit_holds()


def test_a_heart_beats_and_bears_a_lost_database(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes its row each second, goes on after an error, and stops when told."""
    monkeypatch.setattr(beating, "EVERY", 0.02)
    tries: list[int] = []
    real: Callable[[str], timedelta | None] = beating.beat

    def first_fails(process: str) -> timedelta | None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError
        return real(process)

    monkeypatch.setattr(beating, "beat", first_fails)
    heart = Heart()
    heart.start()
    end = time.monotonic() + 20
    while len(tries) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    heart.stop()
    assert not heart.is_alive()
    assert Heartbeat.objects.get().process == heart.process
