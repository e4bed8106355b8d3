"""Everybody sees how lots stand, live: a real event process, its snapshots, and clients that lose some."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from django.db import connection

from shigu import clock, serving
from shigu.accounts.models import User
from shigu.auctions import snapshots
from shigu.auctions.models import Bidding, LotState, Paddle
from shigu.auctions.rules import Rules
from tests.auctions.listening import Screen, database_url, listening, of_lots, until
from tests.auctions.saleroom import STEPS, Saleroom
from tests.people import alice, bob, carol

WITHIN = 3.0
"""Seconds after the last change in which every client is right, whatever it lost."""


@pytest.fixture
def stream(clone: str) -> Iterator[str]:
    """The event process on a free port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"DJANGO_SETTINGS_MODULE": "shigu.settings", "DATABASE_URL": database_url(clone)}
    command = list(serving.events("127.0.0.1", port).command)
    process = subprocess.Popen(command, env=os.environ | settings, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _is_up(url), 60)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/events/health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_lot_is_told_at_once_and_with_each_change(stream: str) -> None:
    """A snapshot on connecting, then the whole snapshot after a bid, its sequence the lot's version."""
    room = Saleroom()
    lot = room.lot()
    with listening(f"{stream}/events/lots/{lot.pk}") as events:
        first = next(of_lots(events))
        assert (first["version"], first["price"], first["leader"], first["least"]) == (
            0,
            None,
            None,
            1000,
        )
        began = time.monotonic()
        room.bid(lot, alice(), 5000)
        told = next(of_lots(events))
        assert time.monotonic() - began < 1.5
    assert told["leader"] == Paddle.objects.get(user=alice()).number
    assert (told["version"], told["price"], told["bids"]) == (1, 5000, 1)
    assert (told["least"], told["state"]) == (5100, "open")
    lot.refresh_from_db()
    assert told["closes_at"] == int(lot.closes_at.timestamp() * 1000)
    assert abs(told["now"] - clock.now().timestamp() * 1000) < 5000


def test_a_session_is_one_stream(stream: str) -> None:
    """All lots of a session by its id; a lot of another session is not among them."""
    room, other = Saleroom(), Saleroom(slug="spring")
    mine = {room.lot().pk for _ in range(3)}
    other.lot()
    with listening(f"{stream}/events/lots/session/{room.session.pk}") as events:
        lots = of_lots(events)
        assert {next(lots)["lot"] for _ in mine} == mine


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
        answer = httpx.get(f"{stream}/events/lots/{path}", trust_env=False)
        assert answer.status_code == status, path
    with listening(f"{stream}/events/lots/{draft.pk},{lot.pk}") as events:
        assert next(of_lots(events))["lot"] == lot.pk


def test_nothing_of_it_is_anybodys_own(stream: str) -> None:
    """No user id, no maximum and no reserve is in what is told, in whatever state the lot is."""
    room = Saleroom()
    people = room.bidders(3)
    hidden = 7_654_321
    lot = room.lot(reserve=hidden)
    with connection.cursor() as cursor:  # a user id that is no other number of the story
        cursor.execute("SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), 987654)")
    secret = User.objects.create(username="quietone", email="quietone@example.org")
    with listening(f"{stream}/events/lots/{lot.pk}") as events:
        lots = of_lots(events)
        said = [next(lots)]
        room.bid(lot, people[0], 1000, 123_400)
        said.append(next(lots))
        room.bid(lot, secret, 2000, 543_200)
        said.append(next(lots))
    text = repr(said)
    assert said[-1]["reserve_met"] is False
    for one in ("123400", "543200", str(hidden), str(secret.pk), secret.username, "example"):
        assert one not in text
    assert "124" in text  # the price did move over the first maximum: the scan looked at something


def test_every_client_is_right_though_a_third_is_lost(stream: str) -> None:
    """Ten pages lose 30 % of their events and break off now and then; all show the truth within 3 s."""
    room = Saleroom()
    lots = [room.lot(), room.lot()]
    address = f"{stream}/events/lots/{lots[0].pk},{lots[1].pk}"
    screens = [Screen(address, loses=0.3, seed=n) for n in range(10)]
    for screen in screens:
        screen.start()
    until(lambda: all(screen.heard for screen in screens))
    for turn in range(40):
        who = alice() if turn % 2 else bob()
        room.bid(lots[turn % 4 // 2], who, 2000 + turn * 200)
        time.sleep(0.03)
    truth = {one.pk: one.version for one in Bidding.objects.filter(pk__in=[x.pk for x in lots])}
    took = until(
        lambda: all(
            screen.version(pk) == version for screen in screens for pk, version in truth.items()
        ),
        WITHIN + 7,
    )
    assert took < WITHIN
    for lot in lots:
        lot.refresh_from_db()
        assert {screen.shown[lot.pk]["price"] for screen in screens} == {lot.price}
    assert sum(screen.lost for screen in screens) > 20
    for screen in screens:
        screen.ended.set()


def test_many_pages_are_one_question(stream: str) -> None:
    """Thirty pages on a lot cost one connection; who comes later is told without another question."""
    room = Saleroom()
    lot = room.lot()
    with ExitStack() as held:
        pages = [held.enter_context(listening(f"{stream}/events/lots/{lot.pk}")) for _ in range(30)]
        assert all(next(of_lots(page))["lot"] == lot.pk for page in pages)
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
        with listening(f"{stream}{path}") as events:
            lots = of_lots(events)
            next(lots)
            for turn in range(5):
                room.bid(lot, alice() if turn % 2 else carol(), 3000 + turn * 300)
                began = time.monotonic()
                assert next(lots)["version"] == turn + 1
                assert time.monotonic() - began < 1.5


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
