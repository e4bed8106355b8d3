"""Pages that listen to lots, without a browser: `listening(address)` tells, `Screen` keeps the latest.

The event process is a real one (`stream`), on a free port, over the test's own database.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

Snapshot = dict[str, Any]


@contextmanager
def listening(address: str) -> Iterator[Iterator[Snapshot]]:
    """What the stream tells, event by event; beats have no lot."""
    with (
        httpx.Client(trust_env=False, timeout=20) as client,
        client.stream("GET", address) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        said = (line.removeprefix("data: ") for line in answer.iter_lines() if line[:5] == "data:")
        yield (json.loads(one) for one in said)


def of_lots(events: Iterator[Snapshot]) -> Iterator[Snapshot]:
    """Without the beats."""
    return (one for one in events if "lot" in one)


class Screen(threading.Thread):
    """A page: shows the latest snapshot of each lot, and loses some events on the way."""

    def __init__(self, address: str, *, loses: float = 0.0, seed: int = 0) -> None:
        super().__init__(daemon=True)
        self.address, self.loses = address, loses
        self.luck = random.Random(seed)
        self.shown: dict[int, Snapshot] = {}
        self.heard = self.lost = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                with listening(self.address) as events:
                    self._watch(events)
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
            if "lot" in event and event["version"] >= self.version(event["lot"]):
                self.shown[event["lot"]] = event

    def version(self, lot_id: int) -> int:
        """The sequence of what is shown."""
        return int(self.shown.get(lot_id, {}).get("version", -1))


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
