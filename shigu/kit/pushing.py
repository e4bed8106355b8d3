"""Saying that rows changed to whoever shows them in other processes: `changed("order", ids)`.

What is said on commit is the ids and nothing else, over Redis' publish; without `SHIGU_REDIS_URL` nothing
happens, and the listeners' poll is enough. A thread of its own speaks, so that a Redis which is away
delays no request; what could not be said is counted and forgotten. `shigu.kit.hearing` is the other end.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from shigu.kit import shared
from shigu.kit.shared import Away

MOST_WAITING = 1000
MOST_AT_ONCE = 100

News = tuple[str, list[int]]


def changed(what: str, ids: Iterable[int]) -> None:
    """These rows of `what` change with the current transaction."""
    if settings.REDIS_URL and (told := list(ids)):
        transaction.on_commit(partial(speaker.say, what, told), robust=True)


class Speaker:
    """One per process, its thread started by the first word; a forked child gets its own."""

    def __init__(self) -> None:
        self.said = self.lost = 0
        self.away = Away()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: queue.Queue[News] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._client: Any = None

    def say(self, what: str, ids: list[int]) -> None:
        """Leave it to the thread; never waits."""
        if self._pid != os.getpid():
            self._begin()
        if self._thread is None:
            self._start()
        try:
            self._waiting.put_nowait((what, ids))
        except queue.Full:
            self.lost += 1

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pushing", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._tell([self._waiting.get(), *self._more()])

    def _more(self) -> list[News]:
        """What has gathered since is said together with it."""
        found: list[News] = []
        while len(found) < MOST_AT_ONCE:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return found

    def _tell(self, news: list[News]) -> None:
        together: dict[str, set[int]] = defaultdict(set)
        for what, ids in news:
            together[what].update(ids)
        for what, all_ids in together.items():
            self._publish(shared.name(what), json.dumps(sorted(all_ids)))

    def _publish(self, channel: str, message: str) -> None:
        if self.away.is_now:
            self.lost += 1
            return
        try:
            self._connected().publish(channel, message)
        except shared.lost() as error:
            self.away.happened(error)
            self.lost += 1
        else:
            self.said += 1

    def _connected(self) -> Any:
        if self._client is None:
            import redis  # noqa: PLC0415 - only where a Redis is configured

            self._client = redis.Redis.from_url(settings.REDIS_URL, **shared.quick())
        return self._client

    def wait(self, seconds: float = 5.0) -> None:
        """For commands that end at once, and tests: until all is said."""
        until = time.monotonic() + seconds
        while not self._waiting.empty() and time.monotonic() < until:
            time.sleep(0.01)


speaker = Speaker()
