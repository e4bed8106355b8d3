"""Hearing that rows changed: `listen("order", tell, stands)` until it is cancelled; for asyncio processes.

`tell(ids)` is called for each word of `shigu.kit.pushing`; `stands(True)` when the line to Redis stands and
`stands(False)` when it broke. Whatever was said in between is lost, so its user looks at everything anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings

from shigu.kit import shared

PING = 5.0
ANSWER = 2.0

log = structlog.get_logger(__name__)

Tell = Callable[[set[int]], None]
Stands = Callable[[bool], None]


async def listen(what: str, tell: Tell, stands: Stands) -> None:
    """Forever; a Redis that is away is tried again each second."""
    lost: tuple[type[Exception], ...] = (*shared.lost(), TimeoutError)
    while True:
        try:
            await _listen(shared.name(what), tell, stands)
        except lost as error:
            log.warning("redis.away", problem=type(error).__name__)
        await asyncio.sleep(shared.REST)


async def _listen(channel: str, tell: Tell, stands: Stands) -> None:
    import redis.asyncio as redis  # noqa: PLC0415 - only where a Redis is configured

    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=ANSWER)
    try:
        async with client.pubsub() as line:
            await asyncio.wait_for(line.subscribe(channel), ANSWER)
            with _standing(stands):
                await _hear(client, line, tell)
    finally:
        await client.aclose()


@contextmanager
def _standing(stands: Stands) -> Iterator[None]:
    stands(True)
    try:
        yield
    finally:
        stands(False)


async def _hear(client: Any, line: Any, tell: Tell) -> None:
    while True:
        word = await line.get_message(ignore_subscribe_messages=True, timeout=PING)
        if word is None:  # quiet, or cut off without a word: ask
            await asyncio.wait_for(client.ping(), ANSWER)
        elif ids := read(word["data"]):
            tell(ids)


def read(message: bytes) -> set[int]:
    """The ids of a message; nothing for what is no message of ours."""
    try:
        ids = json.loads(message)
        return {pk for pk in ids if type(pk) is int}
    except (ValueError, TypeError):
        return set()
