"""Too many streams, or streams of no lots: one address is bounded, what is not there is not watched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from shigu.auctions.models import LotState
from tests.auctions.listening import events_of, listening, rush, until
from tests.auctions.saleroom import Saleroom
from tests.people import alice

MOST = 5
BOUNDED = {"SHIGU_STREAMS_PER_ADDRESS": str(MOST), "SHIGU_METRICS": "1"}
NOBODYS = 9_000_000
"""From here on there are no lots."""


@pytest.fixture
def stream(clone: str) -> Iterator[str]:
    """The event process, five streams for each address."""
    with events_of(clone, **BOUNDED) as url:
        yield url


@pytest.fixture
def proxied(clone: str) -> Iterator[str]:
    """The same behind a proxy of ours."""
    with events_of(clone, **BOUNDED, SHIGU_BEHIND_PROXY="1") as url:
        yield url


def figure(stream: str, name: str) -> int:
    """What the process says of its streams of lots."""
    text = httpx.get(f"{stream}/events/metrics", trust_env=False).text
    [found] = re.findall(rf"^shigu_lot_events_{name} ([\d.]+)$", text, re.MULTILINE)
    return int(float(found))


def ask(address: str, **headers: str) -> httpx.Response:
    """The head of an answer, and no stream."""
    return httpx.head(address, headers=headers, trust_env=False, timeout=10)


def test_one_address_has_a_bounded_number_of_streams(stream: str) -> None:
    """The next one is told when to come back; another address hears on; room is made by leaving."""
    room = Saleroom()
    lot = room.lot()
    addresses = [
        f"{stream}/events/lots/{lot.pk}",
        f"{stream}/events/lots/session/{room.session.pk}",
    ]
    with ExitStack() as held:
        lines = [held.enter_context(listening(addresses[0])) for _ in range(MOST)]
        assert {line.next()["lot"] for line in lines} == {lot.pk}
        for address in addresses:
            refused = ask(address)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
            assert refused.headers["access-control-allow-origin"] == "*"
        forged = ask(addresses[0], **{"X-Forwarded-For": "203.0.113.7"})
        assert forged.status_code == 429, "no proxy is believed that is not said to be there"
        with listening(addresses[0], peer="127.0.0.2") as other:
            assert other.next()["lot"] == lot.pk
    until(lambda: figure(stream, "streams") == 0)
    with listening(addresses[1]) as line:
        assert line.next()["lot"] == lot.pk


def test_behind_a_proxy_each_visitor_is_bounded(proxied: str) -> None:
    """The last hop is whom the proxy saw; what a visitor wrote before it makes no other of them."""
    lot = Saleroom().lot()
    address = f"{proxied}/events/lots/{lot.pk}"
    with ExitStack() as held:
        hops = [{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"} for n in range(MOST)]
        lines = [held.enter_context(listening(address, **one)) for one in hops]
        assert {line.next()["lot"] for line in lines} == {lot.pk}
        assert ask(address, **{"X-Forwarded-For": "8.8.8.8, 203.0.113.7"}).status_code == 429
        assert ask(address, **{"X-Forwarded-For": "203.0.113.7, 203.0.113.8"}).status_code == 200


def test_who_opens_many_in_one_moment_is_bounded_as_well(stream: str) -> None:
    """Sixty requests on sixty lines, sent before any is answered: five are let in."""
    lot = Saleroom().lot()
    with rush(f"{stream}/events/lots/{lot.pk}", 60) as statuses:
        assert (statuses.count(b"200"), statuses.count(b"429")) == (MOST, 60 - MOST)
        assert figure(stream, "streams") == MOST
    until(lambda: figure(stream, "streams") == 0)


def test_lots_that_are_not_are_not_watched(stream: str) -> None:
    """A thousand invented ids, one that is real: one is watched after the first look, and it is told of."""
    room = Saleroom()
    lot, draft = room.lot(), room.lot(state=LotState.DRAFT)
    invented = ",".join(str(n) for n in range(NOBODYS, NOBODYS + 900))
    with (
        listening(f"{stream}/events/lots/{invented}") as nothing,
        listening(f"{stream}/events/lots/{lot.pk},{draft.pk},{invented}") as line,
    ):
        assert line.next()["lot"] == lot.pk
        until(lambda: figure(stream, "watched") == 1)
        beat = next(nothing.events)
        assert ("lot" in beat, beat["sum"]) == (False, 0)
        room.bid(lot, alice(), 2500)
        assert line.next()["price"] == 2500
    until(lambda: figure(stream, "streams") == 0)
    assert figure(stream, "watched") == 0
