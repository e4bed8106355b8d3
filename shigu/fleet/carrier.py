"""Carries the hints of a web process to the broker, in a thread of its own.

Whoever places an order only leaves a name here and goes on: a broker that is slow, full or away
delays no request. Names that wait are kept once each, so a thousand hints to a dead broker are a
handful of words.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from shigu.clock.kinds import Kind

Deliver = Callable[[Kind], object]


class Carrier:
    """Call it with a kind; its thread makes itself a `Deliver` and calls that with it later."""

    _thread: threading.Thread | None
    _waiting: dict[str, Kind]

    def __init__(self, make: Callable[[], Deliver]) -> None:
        self._make = make
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def __call__(self, kind: Kind) -> None:
        """Leave it here."""
        with self._lock:
            self._waiting[kind.name] = kind
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
        self._something.set()

    def _reset(self) -> None:
        """A fresh process has no thread, whatever its parent had."""
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._waiting = {}
        self._thread = None

    def _run(self) -> None:
        deliver = self._make()
        while True:
            self._something.wait()
            self._something.clear()
            with self._lock:
                taken, self._waiting = list(self._waiting.values()), {}
            for kind in taken:
                deliver(kind)


def to_the_broker() -> Carrier:
    """The carrier of this process."""
    return Carrier(_post)


def _post() -> Deliver:
    from shigu.fleet.posting import Post  # noqa: PLC0415 - Celery takes a while: not at start

    return Post().send
