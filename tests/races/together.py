"""Tools of the races: several sides at once on connections of their own, stopped at named places.

`start(action)` runs one side in a thread. `stopped_at(name)` lets the first side that reaches a named
breakpoint wait there until released. `wait_until_blocked(n)` returns when n connections wait for a lock,
so a test knows that both sides met instead of hoping so. Whatever never comes about is a `NeverMet`, which
no negative control takes for the fault that it is to show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction

from shigu.kit import breakpoints
from shigu.payments.models import Outcome
from shigu.payments.settling import Hearing, decide

PATIENCE = 20.0


class NeverMet(RuntimeError):
    """The sides of a race did not meet, or one never came back: nothing was shown, neither good nor bad."""


class Side:
    """One side of a race, running in its own thread with its own connection."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self._action = action
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._action()
        except Exception as error:
            self._result = error
        finally:
            connections.close_all()

    def result(self, within: float = PATIENCE) -> Any:
        """What the side returned or raised (as a value), once it is done."""
        self._thread.join(within)
        if self._thread.is_alive():
            raise NeverMet("this side never came back")
        if isinstance(self._result, threading.BrokenBarrierError):
            raise NeverMet("the others never came to where this side waited")
        return self._result

    @property
    def is_done(self) -> bool:
        """Has it come back, or thrown?"""
        return not self._thread.is_alive()


def start(action: Callable[[], Any]) -> Side:
    """Let one side run."""
    return Side(action)


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Let all run from one starting line; their results or exceptions in order."""
    line = threading.Barrier(len(actions))

    def from_the_line(action: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            line.wait(PATIENCE)
            return action()

        return run

    sides = [start(from_the_line(action)) for action in actions]
    return [side.result() for side in sides]


class Stop:
    """A place where the first to come waits."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._free = threading.Event()
        self._first = threading.Lock()

    def hit(self) -> None:
        if self._first.acquire(blocking=False):
            self.reached.set()
            self._free.wait(PATIENCE)

    def wait(self) -> None:
        """Until somebody stands here."""
        if not self.reached.wait(PATIENCE):
            raise NeverMet("nobody came to this place")

    def release(self) -> None:
        """Let whoever stands here go on."""
        self._free.set()


@contextmanager
def stopped_at(name: str) -> Iterator[Stop]:
    """Stop the first side that reaches `name`."""
    stop = Stop()
    with breakpoints.at(name, stop.hit):
        try:
            yield stop
        finally:
            stop.release()


def wait_until_blocked(count: int = 1) -> None:
    """Until `count` connections to this database wait for a lock."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if blocked() >= count:
            return
        time.sleep(0.005)
    raise NeverMet(f"only {blocked()} sides wait for a lock")


def settled_or_blocked(side: Side, seconds: float = 5.0) -> None:
    """Until the side is done or waits for a lock: for races whose guard may be missing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not side.is_done and not blocked():
        time.sleep(0.005)


def blocked() -> int:
    """How many connections to this database wait for a lock now."""
    with connection.cursor() as cursor:
        # Within a transaction the first look would be seen again.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        [found] = cursor.fetchone()
    return int(found)


def decided_together(hearings: Sequence[Hearing]) -> list[Outcome]:
    """As the clock does it with notices that nobody settled: one transaction for all of them."""
    with transaction.atomic(durable=True):
        return decide(hearings)
