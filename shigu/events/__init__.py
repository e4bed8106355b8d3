"""The event streams: a small ASGI process that tells pages when an order or a lot they show changes.

`GET /events/<ticket>` is for the orders of one buyer (`orders`), `GET /events/lots/…` is public (`lots`); both
answer server-sent events. One `Watch` of each kind per process asks the database for everybody. What a
client shows is right again with the next event, whatever it missed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

from django.conf import settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shigu.events import lots, orders
from shigu.events.orders import MOST_OF_ONE
from shigu.events.watching import Watch, database
from shigu.kit import hearing
from shigu.kit.processes import end_with_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")

__all__ = ["MOST_OF_ONE", "application", "database"]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """The watches live as long as the process; streams end before it does."""
    app.state.orders, app.state.lots = orders.OrderWatch(), lots.LotWatch()
    watches: dict[str, Watch[Any]] = {"order": app.state.orders, "lot": app.state.lots}
    tasks = [asyncio.create_task(watch.run()) for watch in watches.values()]
    if settings.REDIS_URL:
        for what, watch in watches.items():
            line = hearing.listen(what, watch.look_at, watch.push)
            tasks.append(asyncio.create_task(line))
    _hear_of_the_end(list(watches.values()))
    try:
        yield
    finally:
        await _end(list(watches.values()), tasks)


async def _end(watches: Sequence[Watch[Any]], tasks: Sequence[asyncio.Task[None]]) -> None:
    for watch in watches:
        watch.end()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for watch in watches:
        await watch.close()


def _hear_of_the_end(watches: Sequence[Watch[Any]]) -> None:
    """End the streams when the process is told to end: servers wait for open answers before they tell us."""
    loop = asyncio.get_running_loop()

    def chain(number: int) -> None:
        before = signal.getsignal(number)

        def told(signum: int, frame: FrameType | None) -> None:
            for watch in watches:
                loop.call_soon_threadsafe(watch.end)
            if callable(before):
                before(signum, frame)

        signal.signal(number, told)

    with suppress(ValueError):  # not the main thread: then nobody but the server hears signals
        for number in (signal.SIGTERM, signal.SIGINT):
            chain(number)


async def health(request: Request) -> Response:
    """Is it up, and how many listen?"""
    state = request.app.state
    listening = len(state.orders.streams) + len(state.lots.streams)
    return JSONResponse({"ok": True, "streams": listening})


async def metrics(request: Request) -> Response:
    """Figures for Prometheus, under the rules of the pages' own `/metrics`."""
    if not settings.METRICS:
        return PlainTextResponse("Metrics are off: SHIGU_METRICS=1.\n", 404)
    from shigu.fleet import admittance, stream_figures  # noqa: PLC0415 - only where they are wanted

    if not admittance.is_admitted(request.client.host if request.client else "", request.headers):
        return PlainTextResponse("Not for you.\n", 403)
    text, kind = stream_figures.page(request.app.state.orders, request.app.state.lots)
    return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})


end_with_server()
application = Starlette(
    routes=[
        Route("/events/health", health, methods=["GET"]),
        Route("/events/metrics", metrics, methods=["GET"]),
        Route("/events/lots/session/{pk}", lots.session, methods=["GET"]),
        Route("/events/lots/{ids}", lots.lots, methods=["GET"]),
        Route("/events/{ticket}", orders.events, methods=["GET"]),
    ],
    lifespan=lifespan,
)
