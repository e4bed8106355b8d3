"""Redis as several processes share it: how long it may take, and what happens while it is away.

`quick()` are the time limits that every use of it here has, `Away` remembers for a whole process that it
did not answer, so that a page waits for it once a second and not at each step. What it holds is never
needed to be right: caches and sessions have the database behind them, pushes have a poll.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

PATIENCE = 0.25
REST = 1.0
MOST_OWED = 10_000


def quick() -> dict[str, Any]:
    """Options of a connection that gives up soon: the client's own would try for seconds."""
    from redis.backoff import NoBackoff  # noqa: PLC0415 - only where a Redis is configured
    from redis.retry import Retry  # noqa: PLC0415 - as above

    return {
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }


def lost() -> tuple[type[Exception], ...]:
    """Errors that mean: it is away."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - only where a Redis is configured

    return (RedisError, OSError)


def name(of: str) -> str:
    """A name of this shop's own on a server that others may use, too."""
    return f"{settings.REDIS_PREFIX}:{of}"


class Away:
    """Whether it was away just now, how often, and which keys it must forget when it is back."""

    def __init__(self) -> None:
        self.times = 0
        self._until = 0.0
        self._owed: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def is_now(self) -> bool:
        return time.monotonic() < self._until

    def happened(self, error: Exception) -> None:
        """It did not answer; nobody asks for a moment."""
        with self._lock:
            self.times += 1
            self._until = time.monotonic() + REST
        log.warning("redis.away", problem=type(error).__name__, times=self.times)

    def owe(self, keys: Iterable[str]) -> None:
        """What it remembers under these is old: it changed while it was away."""
        with self._lock:
            self._owed.update(dict.fromkeys(keys))
            while len(self._owed) > MOST_OWED:
                self._owed.popitem(last=False)

    def take_owed(self) -> list[str]:
        """Whoever takes them makes up for them, or owes them again."""
        if not self._owed:
            return []
        with self._lock:
            keys = list(self._owed)
            self._owed.clear()
        return keys


away = Away()
