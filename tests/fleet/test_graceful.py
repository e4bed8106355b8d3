"""Ending without losing anything: what is in hand is answered, a rolling restart is not noticed."""

from __future__ import annotations

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import psutil
import psycopg

from shigu.orders.models import Order
from tests.fleet.brokers import HOST
from tests.fleet.servers import Served, Street, signed_in
from tests.goods import sku, teapot
from tests.people import address_of, alice

LOCK = "SELECT pg_advisory_lock((7::bigint << 56) | %s)"
"""The buyer's own lock (`orders.locks`): who holds it lets that buyer's placing wait."""


def test_a_request_in_hand_is_answered(street: Street) -> None:
    """Told to end while an order is being placed, the server answers first, with an order that stands."""
    buyer, goods = alice(), sku(teapot())
    address_of(buyer)
    pages = street.pages()
    with signed_in(buyer) as browser, psycopg.connect(_database(street)) as held:
        form = _form(browser.get(f"{pages.url}/confirm/?sku={goods.pk}&quantity=1").text)
        held.execute(LOCK, [buyer.pk])
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(browser.post, f"{pages.url}/confirm/place/", data=form)
            _until(lambda: _is_waiting(held))
            pages.tell_to_end()
            time.sleep(1)
            assert not waiting.done()
            assert not Order.objects.exists()
            held.close()
            answer = waiting.result(20)
    assert answer.status_code == 302
    assert Order.objects.get().number in answer.headers["location"]
    assert pages.wait() == 0


def test_a_rolling_restart_loses_no_request(street: Street) -> None:
    """Two servers behind a balancer, one restarted after the other under load: every answer is a good one."""
    servers = [street.pages(), street.pages()]
    with Balancer(servers) as balancer:
        load = Load(f"{balancer.url}/clock.json")
        with load:
            for served in servers:
                load.until_more(60)
                balancer.leave_out(served)
                served.tell_to_end()
                assert served.wait() == 0
                load.until_more(60)
                served.server.start()
                _until(lambda one=served: _is_ready(one))
                balancer.take_in(served)
            load.until_more(60)
    assert load.wrong == []
    assert load.good > 300
    assert all(count > 60 for count in balancer.sent.values())


def test_without_care_requests_would_be_lost(street: Street) -> None:
    """The control: a server that is killed, and not told, breaks requests that this test would see."""
    servers = [street.pages(), street.pages()]
    with Balancer(servers) as balancer:
        load = Load(f"{balancer.url}/clock.json")
        with load, suppress(AssertionError):
            load.until_more(60)
            workers = psutil.Process(servers[0].pid).children()
            servers[0].server.kill()  # first, or it makes a new worker that nobody ends
            for worker in workers:
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
            load.until_more(60)
    assert load.wrong


class Balancer:
    """A loopback TCP balancer: each connection to the next server that is in."""

    def __init__(self, servers: list[Served]) -> None:
        self._in = list(servers)
        self.sent = {served.port: 0 for served in servers}
        self._door = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._door.getsockname()[1]}"
        self._lock = threading.Lock()

    def leave_out(self, served: Served) -> None:
        with self._lock:
            self._in.remove(served)

    def take_in(self, served: Served) -> None:
        with self._lock:
            self._in.append(served)

    def __enter__(self) -> Balancer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with self._lock:
            self._in.append(self._in.pop(0))
            port = self._in[0].port
            self.sent[port] += 1
        with near, suppress(OSError), socket.create_connection((HOST, port)) as far:
            back = threading.Thread(target=_pour, args=(far, near), daemon=True)
            back.start()
            _pour(near, far)
            back.join(30)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


class Load:
    """Three visitors that ask again and again, each time over a new connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.good, self.wrong = 0, list[str]()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(3)

    def __enter__(self) -> Load:
        self._visitors = [self._pool.submit(self._visit) for _ in range(3)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for visitor in self._visitors:
            visitor.result(30)

    def until_more(self, count: int) -> None:
        wanted = self.good + count
        _until(lambda: self.good >= wanted)

    def _visit(self) -> None:
        while not self._stop.is_set():
            try:
                answer = httpx.get(
                    self.url, trust_env=False, timeout=20, headers={"Connection": "close"}
                )
            except httpx.HTTPError as error:
                self.wrong.append(repr(error))
            else:
                if answer.status_code == 200 and answer.json()["now"]:
                    self.good += 1
                else:
                    self.wrong.append(f"{answer.status_code} {answer.text[:200]}")


def _database(street: Street) -> str:
    return street.environment["DATABASE_URL"]


def _is_waiting(held: psycopg.Connection) -> bool:
    row = held.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    (count,) = row.fetchone() or (0,)
    return bool(count)


def _is_ready(served: Served) -> bool:
    try:
        return served.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _form(page: str) -> dict[str, str]:
    """The confirm page's fields as a browser would send them."""
    found: dict[str, str] = {}
    for field in re.findall(r"<input[^>]*>", page):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
        if said.get("type") == "radio" and " checked" not in field:
            continue
        if "name" in said:
            found.setdefault(said["name"], said.get("value", ""))
    return found


def _until(condition: object, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.02)
