"""Bids at one process are on the pages of every event process at once, and soon where Redis is away."""

from __future__ import annotations

import time
from contextlib import ExitStack

import httpx

from shigu.auctions.models import Bidding
from tests.auctions.listening import Snapshot, listening
from tests.auctions.saleroom import Saleroom
from tests.fleet.brokers import Server
from tests.fleet.servers import Served, Street, signed_in
from tests.people import alice, bob


def test_a_bid_is_heard_at_every_event_process(street: Street, redis: tuple[str, Server]) -> None:
    """Two event processes look at everything only every five seconds: what is heard sooner was pushed.

    The control: a web process without Redis pushes nothing, and its bids are heard with the next look.
    """
    url = redis[0]
    streams = [street.events(SHIGU_REDIS_URL=url) for _ in range(2)]
    pages = [*(street.pages(SHIGU_REDIS_URL=url) for _ in range(2)), street.pages()]
    room = Saleroom()
    lot = room.lot()
    for turn, served in enumerate(pages[:2]):
        assert max(_bid_after(served, streams, lot, 2000 + turn * 1000)) < 2.5
    control = (max(_bid_after(pages[2], streams, lot, 5000 + n * 1000)) for n in range(5))
    assert any(2.5 < took < 12 for took in control)


def test_a_redis_that_goes_away_delays_and_loses_nothing(
    street: Street, redis: tuple[str, Server]
) -> None:
    """While it is away the event process looks by itself again; what was bid meanwhile is told."""
    url = redis[0]
    stream, page = street.events(SHIGU_REDIS_URL=url), street.pages(SHIGU_REDIS_URL=url)
    room = Saleroom()
    lot = room.lot()
    redis[1].kill()
    try:
        assert max(_bid_after(page, [stream], lot, 2000)) < 8
    finally:
        redis[1].start()
    assert max(_bid_after(page, [stream], lot, 4000)) < 8


def _bid_after(web: Served, streams: list[Served], lot: Bidding, amount: int) -> list[float]:
    """Seconds from the answer to a bid until each event process tells it; alice and bob take turns."""
    lot.refresh_from_db()
    who = bob() if lot.leader_id == alice().pk else alice()
    took = []
    path = f"/events/lots/{lot.pk}"
    with ExitStack() as held:
        lines = [held.enter_context(listening(f"{served.url}{path}")) for served in streams]
        assert {line.next()["version"] for line in lines} == {lot.version}
        with signed_in(who) as browser:
            answer = _bid(browser, web, lot, amount)
            assert answer["leads"], answer
        began = time.monotonic()
        for line in lines:
            assert line.next()["version"] == lot.version + 1
            took.append(time.monotonic() - began)
    return took


def _bid(browser: httpx.Client, web: Served, lot: Bidding, amount: int) -> Snapshot:
    form = {"amount": f"{amount / 100:.2f}", "confirmed": "1", "key": f"fleet {amount}"}
    path = f"/auctions/{lot.lot.session.slug}/{lot.lot.number}/bid"
    headers = {"Accept": "application/json"}
    answer = browser.post(f"{web.url}{path}", data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    found: Snapshot = answer.json()
    return found
