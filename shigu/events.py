"""The event stream: a small ASGI process that tells pages when an order they show changes.

`GET /events/<ticket>` (a ticket of `shigu.orders.watching`) answers server-sent events: at once how each
order stands, then every change, as `{"subject": number, "state": word}`. One `Watch` per process asks
the database about all watched orders together, a few times a second, only while somebody watches. Where
processes share a Redis, whoever changes an order says so, and it is asked about at once; all of them then
only every few seconds. A client that reconnects hears everything anew, so what it shows is never wrong for
longer than that.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import psycopg
import structlog
from django.conf import settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from shigu.kit import hearing
from shigu.kit.database import address
from shigu.kit.processes import end_with_server
from shigu.orders.standing import STANDINGS
from shigu.orders.watching import LIFE, BadTicket, Ticket, read

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")

EVERY = 0.3
RARELY = 5.0
"""Seconds between two looks at everything; the second where changes are pushed."""

AT_LEAST = 0.05
TROUBLE = 2.0
PATIENCE = 10.0
HEARTBEAT = 15.0
MOST_OF_ONE = 8
MOST = 5000

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Stream:
    """One page that listens: what it was told last, and what it must hear next."""

    ticket: Ticket
    told: dict[int, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, standings: Mapping[int, tuple[str, str]]) -> None:
        """Keep the latest word of each order it watches; nothing piles up for a slow reader."""
        for pk in self.ticket.order_ids:
            number, word = standings.get(pk, ("", ""))
            if number and self.told.get(pk) != word:
                self.told[pk] = self.news[number] = word
                self.woken.set()

    def take(self) -> dict[str, str]:
        """What is new since the last time."""
        news, self.news = self.news, {}
        self.woken.clear()
        return news


class Watch:
    """The one task of a process that asks, and the streams that listen."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.readers: Counter[int] = Counter()
        self.watched: Counter[int] = Counter()
        self.touched: set[int] = set()
        self.pushed = False
        self.looks = self.troubles = self.words = 0
        self.asked = asyncio.Event()
        self.closing = asyncio.Event()
        self.connection: psycopg.AsyncConnection[Any] | None = None
        self._all_at = 0.0

    def add(self, stream: Stream) -> None:
        """Listen from now on; the next look tells it everything."""
        self.streams.add(stream)
        self.readers[stream.ticket.user_id] += 1
        self.watched.update(stream.ticket.order_ids)
        self.look_at(set(stream.ticket.order_ids))

    def drop(self, stream: Stream) -> None:
        """Listen no more."""
        self.streams.discard(stream)
        self.readers[stream.ticket.user_id] -= 1
        self.readers += Counter()  # forget whoever has none left
        for pk in stream.ticket.order_ids:
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
        try:
            standings = await asyncio.wait_for(self._standings(self._due()), PATIENCE)
        except Exception as problem:
            # Whatever it is, the task goes on: listeners hear what they missed once it works again.
            log.warning("events.database", problem=type(problem).__name__)
            self.troubles, self._all_at = self.troubles + 1, 0.0
            await self.close()
            return TROUBLE
        for stream in list(self.streams):
            stream.hear(standings)
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

    async def _standings(self, ids: list[int]) -> dict[int, tuple[str, str]]:
        if not ids:
            return {}
        if self.connection is None or self.connection.closed:
            self.connection = await psycopg.AsyncConnection.connect(database(), autocommit=True)
        rows = await (await self.connection.execute(STANDINGS, [ids])).fetchall()
        return {pk: (number, word) for pk, number, word in rows}

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


def database() -> str:
    """Django's own database, under a name by which operators know whose connection it is."""
    return address(connect_timeout=5, application_name="shigu events")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """The watch lives as long as the process; streams end before it does."""
    watch = app.state.watch = Watch()
    tasks = [asyncio.create_task(watch.run())]
    if settings.REDIS_URL:
        line = hearing.listen("order", watch.look_at, watch.push)
        tasks.append(asyncio.create_task(line))
    _hear_of_the_end(watch)
    try:
        yield
    finally:
        watch.end()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await watch.close()


def _hear_of_the_end(watch: Watch) -> None:
    """End the streams when the process is told to end: servers wait for open answers before they tell us."""
    loop = asyncio.get_running_loop()

    def chain(number: int) -> None:
        before = signal.getsignal(number)

        def told(signum: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(watch.end)
            if callable(before):
                before(signum, frame)

        signal.signal(number, told)

    with suppress(ValueError):  # not the main thread: then nobody but the server hears signals
        for number in (signal.SIGTERM, signal.SIGINT):
            chain(number)


async def events(request: Request) -> Response:
    """Open a stream, or say why not: 403 a ticket that is not ours, 429 and 503 too many."""
    watch: Watch = request.app.state.watch
    try:
        ticket = read(request.path_params["ticket"])
    except BadTicket:
        return PlainTextResponse("This address is too old. Load the page again.", 403)
    if request.headers.get("origin", ticket.origin) != ticket.origin:
        return PlainTextResponse("Only the shop's own pages may read this.", 403)
    if refusal := _crowded(watch, ticket):
        return refusal
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=_headers(ticket))
    return StreamingResponse(
        _told(watch, Stream(ticket), _next_number(request)),
        media_type="text/event-stream",
        headers=_headers(ticket),
    )


def _crowded(watch: Watch, ticket: Ticket) -> Response | None:
    if watch.closing.is_set() or len(watch.streams) >= MOST:
        return PlainTextResponse("Too many listeners.", 503, headers=_headers(ticket))
    if watch.readers[ticket.user_id] >= MOST_OF_ONE:
        return PlainTextResponse("Too many pages of yours.", 429, headers=_headers(ticket))
    return None


def _headers(ticket: Ticket) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": ticket.origin,
        "Vary": "Origin",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
    }


def _next_number(request: Request) -> int:
    last = request.headers.get("last-event-id", "")
    return int(last) + 1 if last.isascii() and last.isdigit() and len(last) < 16 else 1


async def _told(watch: Watch, stream: Stream, number: int) -> AsyncIterator[str]:
    """Events while there are any, a comment while there are none, until the ticket's life is over."""
    ends = asyncio.get_running_loop().time() + LIFE
    watch.add(stream)
    try:
        yield f"retry: {random.randint(1500, 4000)}\n\n"
        while not watch.closing.is_set() and asyncio.get_running_loop().time() < ends:
            for subject, state in stream.take().items():
                data = json.dumps({"subject": subject, "state": state})
                yield f"id: {number}\ndata: {data}\n\n"
                number += 1
                watch.words += 1
            try:
                await asyncio.wait_for(stream.woken.wait(), HEARTBEAT)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        watch.drop(stream)


async def health(request: Request) -> Response:
    """Is it up, and how many listen?"""
    return JSONResponse({"ok": True, "streams": len(request.app.state.watch.streams)})


async def metrics(request: Request) -> Response:
    """Figures for Prometheus, under the rules of the pages' own `/metrics`."""
    if not settings.METRICS:
        return PlainTextResponse("Metrics are off: SHIGU_METRICS=1.\n", 404)
    from shigu.fleet import admittance, stream_figures  # noqa: PLC0415 - only where they are wanted

    if not admittance.is_admitted(request.client.host if request.client else "", request.headers):
        return PlainTextResponse("Not for you.\n", 403)
    text, kind = stream_figures.page(request.app.state.watch)
    return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})


end_with_server()
application = Starlette(
    routes=[
        Route("/events/health", health, methods=["GET"]),
        Route("/events/metrics", metrics, methods=["GET"]),
        Route("/events/{ticket}", events, methods=["GET"]),
    ],
    lifespan=lifespan,
)
