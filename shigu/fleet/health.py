"""May this process be sent visitors? `readiness()` asks what it needs, within two seconds, once a second.

The database must answer and its tables must be as new as the code. Broker and Redis are told of, and no
more: without them the shop is slower to tidy and to tell, and takes orders all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from django.conf import settings
from django.db import connection

from shigu.fleet import lines
from shigu.kit import migrations
from shigu.kit.database import address

PATIENCE = 2
REMEMBERED = 1.0

OK, AWAY, BEHIND = "ok", "away", "behind"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What each part said: ok, away, or (tables) behind; parts that are not configured are not named."""

    parts: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return self.parts["database"] == self.parts["tables"] == OK


class Asker:
    """One per process: whoever asks within a second of another hears the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._said = Readiness({})
        self._migrated = False

    def ask(self) -> Readiness:
        with self._lock:
            if time.monotonic() - self._asked_at > REMEMBERED:
                self._said, self._asked_at = self._look(), time.monotonic()
            return self._said

    def _look(self) -> Readiness:
        parts = {"database": _said(answers), "tables": AWAY}
        if parts["database"] == OK:
            parts["tables"] = OK if self._is_migrated() else BEHIND
        if settings.CELERY_BROKER_URL:
            parts["broker"] = _said(lines.ask_broker)
        if settings.REDIS_URL:
            parts["redis"] = _said(lines.ask_redis)
        return Readiness(parts)

    def _is_migrated(self) -> bool:
        """Once they are, they stay so as long as this code runs."""
        if not self._migrated:
            try:
                self._migrated = not migrations.missing()
            finally:
                connection.close()
        return self._migrated


def answers() -> None:
    """A connection of its own: an exhausted pool is busy, not broken."""
    limits = f"-c statement_timeout={PATIENCE}s"
    with psycopg.connect(address(), connect_timeout=PATIENCE, options=limits) as own:
        own.execute("SELECT 1")


def _said(ask: Callable[[], None]) -> str:
    try:
        ask()
    except Exception:  # whatever it is, it is not there; the doctor says why
        return AWAY
    return OK


asker = Asker()
