"""How many have a password hashed at once in one process: `with door.turn():` around what does that.

A hash takes a third of a second of a core, on purpose. Two go through at once, two more wait a moment for their
turn, and whoever comes beyond is told right away to try again (`Crowded`, an error of the form). So a crowd
at the door never takes all threads of a process from those who are inside and want to buy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

AT_ONCE = 2
WAITING = 2
PATIENCE = 2.0
"""Seconds that one waits for one's turn: by then those before have had theirs several times over."""


class Crowded(ValidationError):
    """Nothing was looked at, so it counts as no failed try."""

    def __init__(self) -> None:
        words = _("Many people are signing in at this moment. Wait a few seconds, then try again.")
        super().__init__(words, code="crowded")


class Turnstile:
    """`at_once` pass together, `waiting` more wait before it."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._room = BoundedSemaphore(at_once + waiting)
        self._way = BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One's turn, as long as this lasts; `Crowded` where it does not come soon."""
        if not self._room.acquire(blocking=False):
            raise Crowded
        try:
            if not self._way.acquire(timeout=PATIENCE):
                raise Crowded
            try:
                yield
            finally:
                self._way.release()
        finally:
            self._room.release()


door = Turnstile()
"""This process's."""
