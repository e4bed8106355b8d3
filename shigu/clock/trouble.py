"""A database that is away or unwell: let go of every connection and wait, longer each time."""

from __future__ import annotations

import random

import structlog
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

log = structlog.get_logger(__name__)

LONGEST = 5.0


class Trouble:
    """Counts failures in a row."""

    def __init__(self) -> None:
        self.times = 0

    def bear(self, error: Exception) -> float:
        """Seconds to wait before the next try."""
        self.times += 1
        log.warning("clock.trouble", error=str(error).strip(), times=self.times)
        let_go()
        longest: float = min(LONGEST, 0.2 * 2 ** min(self.times, 10))
        return random.uniform(0.5, 1.0) * longest

    def over(self) -> None:
        """It works again."""
        self.times = 0


def let_go() -> None:
    """Close this thread's connection, and what the pool keeps idle: it is as dead as what we had."""
    connection.close()
    if isinstance(connection, DatabaseWrapper) and connection.pool:
        connection.close_pool()
