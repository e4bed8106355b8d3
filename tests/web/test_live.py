"""The event stream as its own process over HTTP: who may listen, what they hear, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings as django_settings
from django.core import signing
from django.db import connections

from shigu import events
from shigu.orders import watching
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order
from tests.auctions.listening import rush
from tests.goods import sku, teapot
from tests.people import alice, bob
from tests.web.ordering import placed

SHOP = "http://shop.test:8000"


@dataclass
class Stream:
    """The process and where it listens."""

    url: str
    process: subprocess.Popen[bytes]

    def address(self, *orders: Order, user: int | None = None, origin: str = SHOP) -> str:
        ids = [order.pk for order in orders]
        ticket = watching.sign(user or orders[0].user_id, ids, origin=origin)
        return f"{self.url}/events/{ticket}"

    @property
    def listeners(self) -> int:
        return int(httpx.get(f"{self.url}/events/health", trust_env=False).json()["streams"])


@pytest.fixture
def stream(clone: str) -> Iterator[Stream]:
    """The event process on a free port, reading this test's own database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(_command(port), env=_environment(clone), start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _until(lambda: _is_up(url), 60)
        yield Stream(url, process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _command(port: int) -> list[str]:
    serve = "from granian.cli import entrypoint; entrypoint()"
    where = [
        "--interface",
        "asgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    return [sys.executable, "-c", serve, *where, "shigu.events:application"]


def _environment(database: str) -> dict[str, str]:
    base, _, options = os.environ["DATABASE_URL"].partition("?")
    url = f"{base.rpartition('/')[0]}/{database}?{options}"
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "shigu.settings"}


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/events/health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _until(condition: Any, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def listening(address: str, **headers: str) -> Iterator[Iterator[tuple[str, str]]]:
    """Fields of the stream one by one, as (name, value); comments have an empty name."""
    with (
        httpx.Client(trust_env=False, timeout=10) as client,
        client.stream("GET", address, headers={"Origin": SHOP, **headers}) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (
            (line.partition(": ")[0], line.partition(": ")[2])
            for line in answer.iter_lines()
            if line
        )


def heard(fields: Iterator[tuple[str, str]]) -> dict[str, str]:
    """The next event's data."""
    return json.loads(next(value for name, value in fields if name == "data"))


def test_a_page_hears_how_it_stands_and_then_what_changes(stream: Stream) -> None:
    """A snapshot on connecting, then the change, within seconds; events are numbered."""
    order = placed(alice(), (sku(teapot()), 1))
    with listening(stream.address(order)) as fields:
        assert next(fields)[0] == "retry"
        assert next(fields) == ("id", "1")
        assert heard(fields) == {"subject": order.number, "state": "unpaid"}
        began = time.monotonic()
        cancel(order.pk, by=order.user_id)
        assert next(fields) == ("id", "2")
        assert heard(fields) == {"subject": order.number, "state": "cancelled"}
        assert time.monotonic() - began < 4


def test_one_stream_tells_of_many_orders_and_of_no_others(stream: Stream) -> None:
    """Each order that the ticket names, and nothing of bob's."""
    orders = [placed(alice(), (sku(teapot()), 1)) for _ in range(3)]
    placed(bob(), (sku(teapot()), 1))
    with listening(stream.address(*orders)) as fields:
        subjects = {heard(fields)["subject"] for _ in orders}
        assert subjects == {order.number for order in orders}
        cancel(orders[1].pk, by=orders[1].user_id)
        assert heard(fields) == {"subject": orders[1].number, "state": "cancelled"}


def test_who_reconnects_hears_everything_anew(stream: Stream) -> None:
    """What changed in between is in the snapshot, and the numbers go on."""
    order = placed(alice(), (sku(teapot()), 1))
    address = stream.address(order)
    with listening(address) as fields:
        heard(fields)
    cancel(order.pk, by=order.user_id)
    with listening(address, **{"Last-Event-ID": "7"}) as fields:
        next(fields)
        assert next(fields) == ("id", "8")
        assert heard(fields)["state"] == "cancelled"


def test_only_our_own_tickets_open_it(stream: Stream) -> None:
    """A made-up, changed or old ticket is 403, and so is a page of another origin."""
    order = placed(alice(), (sku(teapot()), 1))
    good = stream.address(order)
    old = signing.TimestampSigner(salt=watching.SALT)
    old.timestamp = lambda: signing.b62_encode(int(time.time()) - watching.LIFE - 5)  # type: ignore[method-assign]
    said = signing.b64_encode(json.dumps({"u": order.user_id, "o": [order.pk], "f": SHOP}).encode())
    lapsed = f"{stream.url}/events/{old.sign(said.decode())}"
    foreign = signing.dumps({"u": 1, "o": [order.pk], "f": SHOP}, salt="another")
    for address in (
        f"{good}x",
        f"{stream.url}/events/junk",
        f"{stream.url}/events/{foreign}",
        lapsed,
    ):
        answer = httpx.get(address, headers={"Origin": SHOP}, trust_env=False)
        assert answer.status_code == 403, address
    elsewhere = httpx.get(good, headers={"Origin": "https://evil.test"}, trust_env=False)
    assert elsewhere.status_code == 403
    assert "access-control-allow-origin" not in elsewhere.headers
    assert stream.listeners == 0


def test_the_shops_own_origin_may_read_it(stream: Stream) -> None:
    """CORS names the origin of the page that the ticket was written for, and nothing is stored."""
    order = placed(alice(), (sku(teapot()), 1))
    answer = httpx.head(stream.address(order), headers={"Origin": SHOP}, trust_env=False)
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.post(stream.address(order), trust_env=False).status_code == 405


def test_one_buyer_has_a_bounded_number_of_streams(stream: Stream) -> None:
    """The next one is refused, everybody else still gets theirs, and room is made by leaving."""
    order, other = placed(alice(), (sku(teapot()), 1)), placed(bob(), (sku(teapot()), 1))
    with ExitStack() as held:
        tabs = [
            held.enter_context(listening(stream.address(order))) for _ in range(events.MOST_OF_ONE)
        ]
        assert all(heard(fields)["state"] == "unpaid" for fields in tabs)
        refused = httpx.get(stream.address(order), headers={"Origin": SHOP}, trust_env=False)
        assert refused.status_code == 429
        with listening(stream.address(other)) as fields:
            assert heard(fields)["subject"] == other.number
    _until(lambda: stream.listeners == 0)
    with listening(stream.address(order)) as fields:
        heard(fields)


def test_tabs_that_open_in_one_moment_are_bounded_as_well(stream: Stream) -> None:
    """Forty that have asked before any is answered: eight are let in."""
    order = placed(alice(), (sku(teapot()), 1))
    with rush(stream.address(order), 40) as statuses:
        let_in = (statuses.count(b"200"), statuses.count(b"429"))
        assert let_in == (events.MOST_OF_ONE, 40 - events.MOST_OF_ONE)
    _until(lambda: stream.listeners == 0)


def test_who_leaves_is_forgotten_and_nobody_asks_any_more(stream: Stream) -> None:
    """Without listeners the database is left alone."""
    order = placed(alice(), (sku(teapot()), 1))
    with listening(stream.address(order)) as fields:
        heard(fields)
        assert stream.listeners == 1
    _until(lambda: stream.listeners == 0)
    time.sleep(0.5)
    before = _asked()
    time.sleep(1)
    assert _asked() == before is not None


def test_many_listeners_are_one_question(stream: Stream) -> None:
    """Six streams cost one connection of the database."""
    orders = [placed(who, (sku(teapot()), 1)) for who in (alice(), bob())]
    with ExitStack() as held:
        tabs = [
            held.enter_context(listening(stream.address(one))) for one in orders for _ in range(3)
        ]
        assert all(heard(fields)["state"] == "unpaid" for fields in tabs)
        assert _connections() == 1


def test_a_lost_database_is_found_again(stream: Stream) -> None:
    """The connection dies; listeners stay, and hear of the change afterwards."""
    order = placed(alice(), (sku(teapot()), 1))
    with listening(stream.address(order)) as fields:
        heard(fields)
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'shigu events'"
            )
        cancel(order.pk, by=order.user_id)
        assert heard(fields)["state"] == "cancelled"


def test_it_ends_cleanly_while_somebody_listens(stream: Stream) -> None:
    """SIGTERM ends the process within seconds, and its connection with it."""
    order = placed(alice(), (sku(teapot()), 1))
    with listening(stream.address(order)) as fields:
        heard(fields)
        stream.process.terminate()
        stream.process.wait(8)
    _until(lambda: _asked() is None)


def _asked() -> Any:
    """When the event process last asked; None where it has no connection."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT max(query_start) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'shigu events'"
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _connections() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'shigu events'"
        )
        return int(cursor.fetchone()[0])


def test_a_ticket_says_what_was_signed() -> None:
    """Reading gives back what was written; at most the newest twenty orders."""
    ticket = watching.read(watching.sign(7, [3, 1, 2], origin=SHOP))
    assert ticket == watching.Ticket(7, (1, 2, 3), SHOP)
    many = watching.read(watching.sign(7, range(100), origin=SHOP))
    assert many.order_ids == tuple(range(80, 100))


def test_the_stream_reads_djangos_database() -> None:
    """Same server, same name, no pool."""
    said = psycopg.conninfo.conninfo_to_dict(events.database())
    assert said["dbname"] == django_settings.DATABASES["default"]["NAME"]
    assert "pool" not in said
    assert "lock_timeout" in str(said["options"])
