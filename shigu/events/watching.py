"""A `Watch`: the one task of a process that asks the database for everybody who listens.

It asks a few times a second while somebody listens. Where processes share a Redis, whoever changes a row
says so and it is asked about at once; everything then only every few seconds. What is asked, and who
hears it, is a subclass's to say: `orders.OrderWatch`, `lots.LotWatch`. `Listening` is the answer to a page.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import psycopg
import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shigu.kit.database import address

EVERY = 0.3
RARELY = 5.0
"""Seconds between two looks at everything; the second where changes are pushed."""

AT_LEAST = 0.05
TROUBLE = 2.0
PATIENCE = 10.0
MOST = 5000

log = structlog.get_logger(__name__)


class Stream(Protocol):
    """One page that listens."""

    @property
    def ids(self) -> Collection[int]:
        """The rows that it shows."""

    @property
    def reader(self) -> object:
        """Whose it is, where readers have a bounded number each."""

    @property
    def woken(self) -> asyncio.Event:
        """Set when there is something to tell, or when it is to end."""


S = TypeVar("S", bound=Stream)


class Watch(ABC, Generic[S]):
    """What somebody watches, and the loop that asks about it."""

    def __init__(self) -> None:
        self.streams: set[S] = set()
        self.readers: Counter[object] = Counter()
        self.watched: Counter[int] = Counter()
        self.touched: set[int] = set()
        self.pushed = False
        self.looks = self.troubles = self.words = 0
        self.asked = asyncio.Event()
        self.closing = asyncio.Event()
        self.connection: psycopg.AsyncConnection[Any] | None = None
        self._all_at = 0.0

    @abstractmethod
    async def ask(self, ids: Sequence[int]) -> None:
        """Ask about these rows and tell the streams that show them."""

    def add(self, stream: S) -> None:
        """Listen from now on; the next look tells it everything."""
        self.streams.add(stream)
        self.readers[stream.reader] += 1
        self.watched.update(stream.ids)
        self.look_at(set(stream.ids))

    def drop(self, stream: S) -> None:
        """Listen no more."""
        self.streams.discard(stream)
        self.readers[stream.reader] -= 1
        self.readers += Counter()  # forget whoever has none left
        for pk in stream.ids:
            self.watched[pk] -= 1
            if not self.watched[pk]:
                del self.watched[pk]

    def look_at(self, ids: set[int]) -> None:
        """These changed, or are new here: ask at once about those that somebody watches."""
        if mine := ids & self.watched.keys():
            self.touched |= mine
            self.asked.set()

    def push(self, stands: bool) -> None:
        """Changes are pushed from now on, or no more; what was said in between nobody heard."""
        self.pushed, self._all_at = stands, 0.0
        self.asked.set()

    async def run(self) -> None:
        """Look as long as somebody watches; sleep while nobody does."""
        while True:
            if not self.streams:
                await self.asked.wait()
            self.asked.clear()
            pause = await self._look()
            await asyncio.sleep(AT_LEAST)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.asked.wait(), pause - AT_LEAST)

    async def _look(self) -> float:
        """Ask once for everybody; how long to wait until the next time."""
        self.looks += 1
        ids = self._due()
        try:
            if ids:
                await asyncio.wait_for(self.ask(ids), PATIENCE)
        except Exception as problem:
            # Whatever it is, the task goes on: listeners hear what they missed once it works again.
            log.warning("events.database", problem=type(problem).__name__)
            self.troubles, self._all_at = self.troubles + 1, 0.0
            await self.close()
            return TROUBLE
        left = self._all_at - asyncio.get_running_loop().time()
        return max(left, AT_LEAST) if self.pushed else EVERY

    def _due(self) -> list[int]:
        """All that are watched when it is time to; before that, those that were touched."""
        now = asyncio.get_running_loop().time()
        ids, self.touched = self.touched, set()
        if self.pushed and now < self._all_at:
            return sorted(ids)
        self._all_at = now + RARELY
        return sorted(self.watched)

    async def rows(self, query: str, values: Any) -> list[tuple[Any, ...]]:
        """What the database answers, over the one connection of this watch."""
        if self.connection is None or self.connection.closed:
            self.connection = await psycopg.AsyncConnection.connect(database(), autocommit=True)
        return await (await self.connection.execute(query, values)).fetchall()

    def end(self) -> None:
        """No more streams: those that are open end now, and their pages ask elsewhere."""
        self.closing.set()
        for stream in self.streams:
            stream.woken.set()

    async def close(self) -> None:
        """Let go of the connection."""
        if self.connection is not None:
            with suppress(psycopg.Error, OSError):
                await self.connection.close()
            self.connection = None


class Listening(StreamingResponse):
    """The answer to who was let in. It counts from that moment on, or many at once would all be let in."""

    def __init__(
        self, watch: Watch[S], stream: S, told: AsyncIterator[str], headers: Mapping[str, str]
    ) -> None:
        super().__init__(told, media_type="text/event-stream", headers=headers)
        self.end = partial(watch.drop, stream)
        watch.add(stream)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.end()


def database() -> str:
    """Django's own database, under a name by which operators know whose connection it is."""
    return address(connect_timeout=5, application_name="shigu events")
