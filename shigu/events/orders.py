"""Streams of orders: a page with a ticket of `shigu.orders.watching` hears how its orders stand.

At once how each stands, then every change, as `{"subject": number, "state": word}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shigu.events.telling import HEARTBEAT, STILL_HERE, headers, next_number, retry
from shigu.events.watching import MOST, Listening, Watch
from shigu.orders.standing import STANDINGS
from shigu.orders.watching import LIFE, BadTicket, Ticket, read

MOST_OF_ONE = 8


@dataclass(eq=False)
class OrderStream:
    """One page that listens: what it was told last, and what it must hear next."""

    ticket: Ticket
    told: dict[int, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ids(self) -> Collection[int]:
        return self.ticket.order_ids

    @property
    def reader(self) -> object:
        return self.ticket.user_id

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


class OrderWatch(Watch[OrderStream]):
    """The orders that somebody watches, and how they stand."""

    async def ask(self, ids: Sequence[int]) -> None:
        """One question for all of them; each stream takes what is its own."""
        rows = await self.rows(STANDINGS, [list(ids)])
        standings = {pk: (number, word) for pk, number, word in rows}
        for stream in list(self.streams):
            stream.hear(standings)


async def events(request: Request) -> Response:
    """Open a stream, or say why not: 403 a ticket that is not ours, 429 and 503 too many."""
    watch: OrderWatch = request.app.state.orders
    try:
        ticket = read(request.path_params["ticket"])
    except BadTicket:
        return PlainTextResponse("This address is too old. Load the page again.", 403)
    if request.headers.get("origin", ticket.origin) != ticket.origin:
        return PlainTextResponse("Only the shop's own pages may read this.", 403)
    if refusal := _crowded(watch, ticket):
        return refusal
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers(ticket.origin))
    stream = OrderStream(ticket)
    told = _told(watch, stream, next_number(request))
    return Listening(watch, stream, told, headers(ticket.origin))


def _crowded(watch: OrderWatch, ticket: Ticket) -> Response | None:
    if watch.closing.is_set() or len(watch.streams) >= MOST:
        return PlainTextResponse("Too many listeners.", 503, headers=headers(ticket.origin))
    if watch.readers[ticket.user_id] >= MOST_OF_ONE:
        return PlainTextResponse("Too many pages of yours.", 429, headers=headers(ticket.origin))
    return None


async def _told(watch: OrderWatch, stream: OrderStream, number: int) -> AsyncIterator[str]:
    """Events while there are any, a comment while there are none, until the ticket's life is over."""
    ends = asyncio.get_running_loop().time() + LIFE
    yield retry()
    while not watch.closing.is_set() and asyncio.get_running_loop().time() < ends:
        for subject, state in stream.take().items():
            data = json.dumps({"subject": subject, "state": state})
            yield f"id: {number}\ndata: {data}\n\n"
            number += 1
            watch.words += 1
        try:
            async with asyncio.timeout(HEARTBEAT):
                await stream.woken.wait()
        except TimeoutError:
            yield STILL_HERE
