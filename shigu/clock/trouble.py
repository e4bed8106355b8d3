"""A database that is away or unwell: let go of every connection and wait, longer each time."""

from __future__ import annotations

import random
from contextlib import suppress

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
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
    ours = connections[DEFAULT_DB_ALIAS]  # itself: `connection` only passes on what it is asked
    ours.close()
    if isinstance(ours, DatabaseWrapper) and ours.pool:
        with suppress(KeyError):  # another thread of ours was faster
            ours.close_pool()


def replace_dead() -> None:
    """Where the pool hands out a connection that a restart has cut, let go of all it keeps."""
    try:
        connection.ensure_connection()
        if not connection.is_usable():
            let_go()
    except Error as error:  # away: whoever needs it will say so
        log.info("clock.trouble", error=str(error).strip())
        let_go()
