"""Everybody sees how lots stand, live: a real event process, its snapshots, and clients that lose some."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import dropwhile, islice

import httpx
import pytest
from django.db import connection

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import snapshots
from shigu.auctions.models import Bidding, LotState, Paddle, Verdict
from shigu.auctions.rules import Rules
from shigu.kit.moments import milliseconds
from tests.auctions.listening import Screen, events_of, listening, until
from tests.auctions.saleroom import STEPS, Saleroom
from tests.people import alice, bob, carol

WITHIN = 3.0
"""Seconds after the last change in which every client is right, whatever it lost."""


@pytest.fixture
def stream(clone: str) -> Iterator[str]:
    """The event process over this test's database; its address."""
    with events_of(clone) as url:
        yield url


def test_a_lot_is_told_at_once_and_with_each_change(stream: str) -> None:
    """A snapshot on connecting, then the whole snapshot after a bid, its sequence the lot's version."""
    room = Saleroom()
    lot = room.lot()
    with listening(f"{stream}/events/lots/{lot.pk}") as line:
        first = line.next()
        assert (first["version"], first["price"], first["leader"], first["least"]) == (
            0,
            None,
            None,
            1000,
        )
        began = time.monotonic()
        assert room.bid(lot, alice(), 2500).verdict == Verdict.ACCEPTED
        told = line.next()
        assert time.monotonic() - began < 4
    assert told["leader"] == Paddle.objects.get(user=alice()).number
    assert (told["version"], told["price"], told["bids"]) == (1, 2500, 1)
    assert (told["least"], told["state"]) == (2600, "open")
    lot.refresh_from_db()
    assert told["closes_at"] == milliseconds(lot.closes_at)
    assert abs(told["now"] - clock.now().timestamp() * 1000) < 5000


def test_a_session_is_one_stream(stream: str) -> None:
    """All lots of a session by its id; a lot of another session is not among them."""
    room, other = Saleroom(), Saleroom(slug="spring")
    mine = {room.lot().pk for _ in range(3)}
    other.lot()
    with listening(f"{stream}/events/lots/session/{room.session.pk}") as line:
        assert {line.next()["lot"] for _ in mine} == mine


def test_drafts_and_nonsense_tell_nothing(stream: str) -> None:
    """No lot, no session, too many lots: refused; a draft among others is not told of."""
    room = Saleroom()
    draft, lot = room.lot(state=LotState.DRAFT), room.lot()
    for path, status in {
        "x": 404,
        ",": 404,
        "session/0": 404,
        "session/x": 404,
        ",".join(str(n) for n in range(1, 1200)): 414,
    }.items():
        answer = httpx.get(f"{stream}/events/lots/{path}", trust_env=False, timeout=10)
        assert answer.status_code == status, path
    with listening(f"{stream}/events/lots/{draft.pk},{lot.pk}") as line:
        assert line.next()["lot"] == lot.pk


SECRETS = {"maximum": 13_579_135, "higher": 97_531_979, "reserve": 375_795_357}
USER = 1_357_975_311
"""Numbers that are found in no time stamp: long, and of odd digits only."""


def test_nothing_of_it_is_anybodys_own(stream: str) -> None:
    """No user id, no maximum and no reserve is in what is told, in whatever state the lot is."""
    room = Saleroom()
    people = room.bidders(3)
    lot = room.lot(reserve=SECRETS["reserve"])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), {USER - 1})")
    secret = User.objects.create(username="quietone", email="quietone@example.org")
    assert secret.pk == USER
    with listening(f"{stream}/events/lots/{lot.pk}") as line:
        said = [line.next()]
        room.bid(lot, people[0], 1000, SECRETS["maximum"])
        said.append(line.next())
        room.bid(lot, secret, 2000, SECRETS["higher"])
        said.append(line.next())
    text = repr(said)
    assert said[-1]["reserve_met"] is False
    for one in (*map(str, SECRETS.values()), str(USER), secret.username, "example"):
        assert one not in text, one
    moved = Rules(1000, STEPS).least(SECRETS["maximum"])
    assert said[-1]["price"] == moved
    assert (
        str(moved) in text
    )  # the scan looked at something: the price over the first maximum is there


def after_a_storm(stream: str, *, deaf: bool) -> None:
    """Pages lose 30 % of what they are told while bids storm two lots; how they are 3 s later.

    Ten pages; twice as many where they are deaf, or all of them hear the last word once in two hundred runs.
    """
    room = Saleroom()
    lots = [room.lot(), room.lot()]
    address = f"{stream}/events/lots/{lots[0].pk},{lots[1].pk}"
    screens = [Screen(address, loses=0.3, seed=n, deaf=deaf) for n in range(20 if deaf else 10)]
    for screen in screens:
        screen.start()
    try:
        until(lambda: all(screen.heard for screen in screens))
        for turn in range(40):
            who = alice() if turn % 2 else bob()
            room.bid(lots[turn % 4 // 2], who, 2000 + turn * 200)
            time.sleep(0.03)
        truth = {one.pk: one.version for one in Bidding.objects.filter(pk__in=[x.pk for x in lots])}
        until(lambda: all(is_right(screen, truth) for screen in screens), WITHIN)
    finally:
        for screen in screens:
            screen.end()
    for lot in lots:
        lot.refresh_from_db()
        assert {screen.shown[lot.pk]["price"] for screen in screens} == {lot.price}
    assert sum(screen.lost for screen in screens) > 20


def is_right(screen: Screen, truth: dict[int, int]) -> bool:
    """Does it show the latest of each lot?"""
    return all(screen.version(pk) == version for pk, version in truth.items())


def test_every_client_is_right_though_a_third_is_lost(stream: str) -> None:
    """Ten pages lose 30 % of their events and break off now and then; all show the truth within 3 s."""
    after_a_storm(stream, deaf=False)


def test_control_pages_that_do_not_heed_the_sum_stay_wrong(stream: str) -> None:
    """Negative control: who lost the last event and asks nobody shows what was, until the next one."""
    with pytest.raises(AssertionError, match="it did not come to that"):
        after_a_storm(stream, deaf=True)


def test_a_beat_tells_what_was_told(stream: str) -> None:
    """Soon after news, and again: time and the sum of all versions, by which a page knows what it missed."""
    room = Saleroom()
    lots = [room.lot(), room.lot()]
    room.bid(lots[0], alice(), 1000)
    room.bid(lots[0], bob(), 1100)
    room.bid(lots[1], bob(), 1000)
    with listening(f"{stream}/events/lots/{lots[0].pk},{lots[1].pk}") as line:
        told = list(islice(dropwhile(lambda event: "lot" not in event, line.events), 4))
    assert [event.get("lot") for event in told] == [lots[0].pk, lots[1].pk, None, None]
    assert [event["sum"] for event in told] == [2, 3, 3, 3]
    assert 0 < told[3]["now"] - told[2]["now"] < 3000


def test_many_pages_are_one_question(stream: str) -> None:
    """Thirty pages on a lot cost one connection; who comes later is told without another question."""
    room = Saleroom()
    lot = room.lot()
    with ExitStack() as held:
        pages = [held.enter_context(listening(f"{stream}/events/lots/{lot.pk}")) for _ in range(30)]
        assert all(page.next()["lot"] == lot.pk for page in pages)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'shigu events'"
            )
            assert cursor.fetchone() == (1,)


def test_who_does_not_read_delays_nobody(stream: str) -> None:
    """A client that never reads its socket costs the others nothing, and gets the latest if it ever does."""
    room = Saleroom()
    lot = room.lot()
    path = f"/events/lots/{lot.pk}"
    host, port = stream.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        stalled.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        with listening(f"{stream}{path}") as line:
            line.next()
            for turn in range(5):
                room.bid(lot, alice() if turn % 2 else carol(), 3000 + turn * 300)
                began = time.monotonic()
                assert line.next()["version"] == turn + 1
                assert time.monotonic() - began < 4


def test_the_snapshot_says_what_the_rules_say(clone: str) -> None:
    """The least amount in SQL is the rules' own, on every edge of the increments."""
    room = Saleroom()
    lot = room.lot()
    free = room.lot(start_price=0)
    rules = Rules(1000, STEPS)
    for price in (None, 0, 1, 9_999, 10_000, 10_001, 99_999, 100_000, 5_000_000):
        leader = None if price is None else alice().pk
        Bidding.objects.filter(pk=lot.pk).update(price=price, leader_id=leader, maximum=price)
        [found] = snapshots.of([lot.pk])
        assert f'"least": {rules.least(price)},' in found.said
    [found] = snapshots.of([free.pk])
    assert f'"least": {Rules(0, STEPS).least(None)},' in found.said
    assert [one.lot_id for one in snapshots.of_session(room.session.pk)] == [lot.pk, free.pk]
