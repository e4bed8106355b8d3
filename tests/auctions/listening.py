"""Pages that listen to lots, without a browser: `listening(address)` tells, `Screen` keeps the latest.

The event process is a real one (`stream`), on a free port, over the test's own database.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.test import RequestFactory

from shigu import serving
from shigu.web.lots_live import lots_now

Snapshot = dict[str, Any]


PATIENCE = 10.0
"""Seconds until a lot must be told of: no wait here is without an end."""


class Line:
    """An open stream: `next()` waits for news of a lot, past the beats, and fails where none comes."""

    def __init__(self, answer: httpx.Response) -> None:
        lines = answer.iter_lines()
        said = (line.removeprefix("data: ") for line in lines if line.startswith("data:"))
        self.events: Iterator[Snapshot] = (json.loads(one) for one in said)

    def next(self, within: float = PATIENCE) -> Snapshot:
        """The next snapshot of a lot. Beats come every few seconds, so that the end of waiting is seen."""
        ends = time.monotonic() + within
        for event in self.events:
            if "lot" in event:
                return event
            assert time.monotonic() < ends, f"no lot was told of within {within} seconds"
        raise AssertionError("the stream ended")


@contextmanager
def events_of(database: str, **settings: str) -> Iterator[str]:
    """The event process on a free port, over this database; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings |= {"DJANGO_SETTINGS_MODULE": "shigu.settings", "DATABASE_URL": database_url(database)}
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
        return httpx.get(f"{url}/events/health", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def listening(address: str, peer: str | None = None, **headers: str) -> Iterator[Line]:
    """What the stream tells, event by event; a line on which nothing at all comes breaks."""
    line = httpx.HTTPTransport(local_address=peer)
    with (
        httpx.Client(trust_env=False, timeout=PATIENCE, transport=line) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Line(answer)


@contextmanager
def rush(address: str, count: int) -> Iterator[list[bytes]]:
    """So many open it, all having asked before any was answered: the statuses, while the lines stand."""
    there = urlsplit(address)
    asked = f"GET {there.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    place = (there.hostname, there.port)
    with ExitStack() as held:
        lines = [held.enter_context(socket.create_connection(place, 10)) for _ in range(count)]
        for line in lines:
            line.sendall(asked)
        yield [line.recv(12)[9:] for line in lines]


class Screen(threading.Thread):
    """A page, as `lots.js` is one: shows the latest snapshot of each lot, and loses some events on the way.

    Where the sum of versions says that something was lost it asks (not, where it is `deaf`).
    """

    def __init__(
        self, address: str, *, loses: float = 0.0, seed: int = 0, deaf: bool = False
    ) -> None:
        super().__init__(daemon=True)
        self.address, self.loses, self.deaf = address, loses, deaf
        self.luck = random.Random(seed)
        self.shown: dict[int, Snapshot] = {}
        self.heard = self.lost = self.asked = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                with listening(self.address) as line:
                    self._watch(line.events)
            except httpx.HTTPError:
                time.sleep(0.2)

    def _watch(self, events: Iterator[Snapshot]) -> None:
        for event in events:
            if self.ended.is_set():
                return
            if self.luck.random() < self.loses:
                self.lost += 1
                if self.luck.random() < 0.1:
                    return  # the line itself breaks; the page comes back
                continue
            self.heard += 1
            if "lot" in event:
                self.take(event)
            if event["sum"] > sum(self.version(pk) for pk in self.shown) and not self.deaf:
                self.ask()

    def take(self, said: Snapshot) -> None:
        """What is older than what is shown is passed over."""
        if said["version"] >= self.version(said["lot"]):
            self.shown[said["lot"]] = said

    def ask(self) -> None:
        """What a page asks the shop where it missed something."""
        self.asked += 1
        ids = self.address.rpartition("/")[2]
        request = RequestFactory().get("/auctions/lots/now/", {"ids": ids})
        request.user = AnonymousUser()
        answer = lots_now(request)
        connections.close_all()
        for one in json.loads(answer.content)["lots"]:
            self.take(one)

    def version(self, lot_id: int) -> int:
        """The sequence of what is shown."""
        return int(self.shown.get(lot_id, {}).get("version", -1))

    def end(self) -> None:
        """Close the page."""
        self.ended.set()


def until(condition: Callable[[], Any], seconds: float = 20) -> float:
    """How long it took to become true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come to that"
        time.sleep(0.02)
    return time.monotonic() - began


def database_url(name: str) -> str:
    """The address of this test's own database for another process."""
    base, _, options = os.environ["DATABASE_URL"].partition("?")
    return f"{base.rpartition('/')[0]}/{name}?{options}"
