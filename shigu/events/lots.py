"""Streams of lots: everybody may hear how they stand, at once and after each change.

`GET /events/lots/7,8` and `GET /events/lots/session/3` need no ticket: what they tell is public. Each event
is a whole `auctions.snapshots` snapshot with the shop's time as `now`, its sequence the lot's `version`; a
client that missed some is right with the next, one that comes back hears all anew. A slow reader gets the
latest of each lot and nothing in between. Everything carries `sum`, of all versions that were told by then:
whoever has less missed something, and asks. `event: beat` tells only time and sum, every few seconds, and
a few times soon after the last news, so that a page knows that the line stands and that nothing was lost.

One address has a bounded number of streams, and only lots that are there are watched: what the first look
does not find is not asked about again. A stream with nothing left beats on: a page to which it were refused
would ask elsewhere, again and again.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from django.conf import settings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shigu.auctions.snapshots import NEWER, OF_SESSION
from shigu.events.telling import headers, retry
from shigu.events.watching import MOST, PATIENCE, Listening, Watch
from shigu.kit import visitors

BEAT, SOON = 5.0, 0.4
"""Seconds without news until a beat; the second for `LATELY` seconds after the last news."""

LATELY = 3.0
LIFE = 20 * 60.0
MOST_LOTS = 1000
"""Of one stream."""

KNOWN_FOR = 5.0
"""Seconds for which the lots of a session are not asked for again: a thousand pages come back at once."""

COME_BACK = 5
"""Seconds after which an address with too many streams may try again, as `lots.js` does."""

UNKNOWN = -1


@dataclass(eq=False)
class LotStream:
    """One page that listens, with the latest word of each lot that it has not heard yet."""

    ids: set[int]
    reader: str
    news: dict[int, tuple[int, str]] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    total: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, lot_id: int, version: int, said: str) -> None:
        """Keep the latest; nothing piles up for a slow reader."""
        self.news[lot_id] = version, said
        self.woken.set()

    def take(self) -> list[tuple[str, int]]:
        """What is new since the last time, each with the sum of all versions told by then."""
        news, self.news = self.news, {}
        self.woken.clear()
        return [(said, self._count(pk, version)) for pk, (version, said) in news.items()]

    def _count(self, lot_id: int, version: int) -> int:
        self.total += version - self.told.get(lot_id, 0)
        self.told[lot_id] = version
        return self.total


class LotWatch(Watch[LotStream]):
    """The lots that somebody watches: their latest snapshots, and the shop's time."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: dict[int, tuple[int, str]] = {}
        self.listening: dict[int, set[LotStream]] = defaultdict(set)
        self.ahead = 0.0
        self._sessions: dict[int, tuple[float, Sequence[int]]] = {}
        self._asking = asyncio.Lock()

    def add(self, stream: LotStream) -> None:
        """Who comes to lots that are watched hears them at once, without a question."""
        super().add(stream)
        for pk in stream.ids:
            self.listening[pk].add(stream)
            if pk in self.latest:
                stream.hear(pk, *self.latest[pk])

    def drop(self, stream: LotStream) -> None:
        super().drop(stream)
        for pk in stream.ids:
            self.listening[pk].discard(stream)
            if not self.listening[pk]:
                del self.listening[pk]
                self.latest.pop(pk, None)

    async def ask(self, ids: Sequence[int]) -> None:
        """What has another version than the one that is known; each stream hears what it shows."""
        versions = [self.latest.get(pk, (UNKNOWN, ""))[0] for pk in ids]
        loop = asyncio.get_running_loop()
        asked = loop.time()
        rows = await self.rows(NEWER, {"lots": list(ids), "versions": versions})
        self.ahead = rows[0][0] / 1000 - (asked + loop.time()) / 2
        for _, pk, version, said in rows:
            if pk in self.listening:
                text = f"id: {pk}.{version}\ndata: {said[:-1]}"
                self.latest[pk] = (version, text)
                for stream in self.listening[pk]:
                    stream.hear(pk, version, text)
        # Who came while we asked may know of a lot that is newer than the answer: it is asked about again.
        self._forget(set(ids) - self.latest.keys() - self.touched)

    def _forget(self, ids: set[int]) -> None:
        """There are no such lots: nobody listens to them any more."""
        for pk in ids:
            self.watched.pop(pk, None)
            for stream in self.listening.pop(pk, ()):
                stream.ids.discard(pk)

    @property
    def now(self) -> int:
        """The shop's time in milliseconds, as of this very moment."""
        return round((asyncio.get_running_loop().time() + self.ahead) * 1000)

    async def lots_of(self, session_id: int) -> Sequence[int]:
        """All lots of a session, one question for all who ask within a few seconds."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            known = {pk: one for pk, one in self._sessions.items() if one[0] > now}
            if session_id not in known:
                [(ids,)] = await self.rows(OF_SESSION, {"session": session_id})
                known[session_id] = (now + KNOWN_FOR, ids or [])
            self._sessions = known
            return known[session_id][1]


async def lots(request: Request) -> Response:
    """A stream of the lots that are named."""
    ids = {int(pk) for pk in request.path_params["ids"].split(",") if _is_id(pk)}
    return _opened(request, ids)


async def session(request: Request) -> Response:
    """A stream of all lots of a session."""
    watch: LotWatch = request.app.state.lots
    pk = request.path_params["pk"]
    if not _is_id(pk):
        return _refused("There are no such lots.", 404)
    try:
        ids = await asyncio.wait_for(watch.lots_of(int(pk)), PATIENCE)
    except (psycopg.Error, OSError, TimeoutError):
        return _refused("Come back in a moment.", 503)
    return _opened(request, set(ids))


def _is_id(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 19


def _refused(words: str, status: int, more: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(words, status, headers={**headers("*"), **(more or {})})


def _opened(request: Request, ids: set[int]) -> Response:
    """Or why not: 404 nothing named, 414 too many lots, 429 and 503 too many listeners."""
    watch: LotWatch = request.app.state.lots
    if not ids:
        return _refused("There are no such lots.", 404)
    if len(ids) > MOST_LOTS:
        return _refused("Too many lots.", 414)
    reader = _reader(request)
    if refusal := _crowded(watch, reader):
        return refusal
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers("*"))
    stream = LotStream(ids, reader)
    return Listening(watch, stream, _told(watch, stream), headers("*"))


def _reader(request: Request) -> str:
    peer = request.client.host if request.client else ""
    return visitors.address(peer, ",".join(request.headers.getlist("x-forwarded-for")))


def _crowded(watch: LotWatch, reader: str) -> Response | None:
    if watch.closing.is_set() or len(watch.streams) >= MOST:
        return _refused("Too many listeners.", 503)
    if watch.readers[reader] >= settings.STREAMS_PER_ADDRESS:
        return _refused("Too many pages of this address.", 429, {"Retry-After": str(COME_BACK)})
    return None


async def _told(watch: LotWatch, stream: LotStream) -> AsyncIterator[str]:
    """Snapshots while there are any, a beat while there are none."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + LIFE * random.uniform(0.8, 1)
    lately = loop.time() + LATELY
    yield retry()
    while not watch.closing.is_set() and loop.time() < ends:
        try:
            async with asyncio.timeout(SOON if loop.time() < lately else BEAT):
                await stream.woken.wait()
        except TimeoutError:
            yield f'event: beat\ndata: {{"now": {watch.now}, "sum": {stream.total}}}\n\n'
        if news := stream.take():
            now, lately = watch.now, loop.time() + LATELY
            yield "".join(f'{said}, "now": {now}, "sum": {all_}}}\n\n' for said, all_ in news)
            watch.words += len(news)
