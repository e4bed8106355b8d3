"""What one worker process keeps: a memory for each kind, and threads for what may take long.

`take(kind)` follows a hint. Effects inside the database are drained at once, for a budget; calls to
the outside and periodic work run beside, so that a slow provider delays no order. Whatever is left
over is hinted at again. A lost database costs one hint.
"""

from __future__ import annotations

import mmap
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

import django.db
import structlog
from django.db import connection

from shigu.clock import hints, lateness, trouble
from shigu.clock.drain import Drained, drain
from shigu.clock.errors import UnknownKind
from shigu.clock.kinds import Kind, Rings, Urgency, find
from shigu.clock.memory import Memory

log = structlog.get_logger(__name__)

BUDGETS: dict[Urgency, float] = {"auction": 2.0, "order": 2.0, "outside": 2.0, "sweep": 0.25}
"""Seconds a hint may keep a process at work: long for what buyers wait for, short for the rest."""

FAREWELL = 45.0
"""Seconds that work beside may still take when the process ends; less than a supervisor waits."""


class Stopping(threading.Event):
    """Set in a worker's main process, seen by all that it forked."""

    def __init__(self) -> None:
        super().__init__()
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._shared[0] = 1

    def clear(self) -> None:
        self._shared[0] = 0

    def is_set(self) -> bool:
        return self._shared[0] == 1


class Hands:
    """One process's."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.memories: dict[str, Memory] = {}
        self._beside: dict[str, Future[None]] = {}
        self._again: set[str] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="beside")
        self._flushing: threading.Timer | None = None

    def take(self, name: str) -> None:
        """Follow one hint."""
        try:
            kind = find(name)
        except UnknownKind:  # an older or newer release sent it, and has workers that know it
            log.warning("fleet.unknown_kind", kind=name)
            return
        if isinstance(kind, Rings):
            self._drain(kind)
        else:
            self._start_beside(kind)

    def close(self) -> None:
        """End: wait for what runs beside, and write down how late things were."""
        wait(list(self._beside.values()), timeout=FAREWELL)
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._flushing:
            self._flushing.cancel()
        self._flush()

    # -- at once -----------------------------------------------------------------------------

    def _drain(self, kind: Kind) -> None:
        step = self._once_more(kind)
        self._flush_soon()
        if step and not step.finished and not self.stopping.is_set():
            hints.pass_on(kind)

    def _once_more(self, kind: Kind) -> Drained | None:
        """A connection that a restart has cut shows at its first use: then again, on a new one."""
        memory = self.memories.setdefault(kind.name, Memory.of(kind))
        for first in (True, False):
            try:
                return drain(
                    kind, budget=BUDGETS[kind.urgency], memory=memory, stopping=self.stopping
                )
            except django.db.Error as error:
                log.warning("clock.trouble", kind=kind.name, error=str(error).strip())
                trouble.let_go()
                if not first:
                    break
        return None

    # -- beside ------------------------------------------------------------------------------

    def _start_beside(self, kind: Kind) -> None:
        """At most once at a time; a hint that comes meanwhile is followed right after."""
        with self._lock:
            if kind.name in self._beside:
                self._again.add(kind.name)
                return
            self._beside[kind.name] = self._pool.submit(self._drain_apart, kind)

    def _drain_apart(self, kind: Kind) -> None:
        try:
            self._drain(kind)
        except Exception as error:
            log.warning("clock.trouble", kind=kind.name, error=str(error).strip())
        finally:
            connection.close()
            self._ended(kind)

    def _ended(self, kind: Kind) -> None:
        with self._lock:
            self._beside.pop(kind.name, None)
            again = kind.name in self._again and not self.stopping.is_set()
            self._again.discard(kind.name)
        if again:
            self._start_beside(kind)

    # -- figures -----------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        """The last second's figures are written though no further hint may come for an hour."""
        with self._lock:
            if self._flushing and self._flushing.is_alive():
                return
            self._flushing = threading.Timer(lateness.EVERY, self._flush)
            self._flushing.daemon = True
            self._flushing.start()

    def _flush(self) -> None:
        try:
            lateness.flush(at_once=True)
        except django.db.Error as error:
            log.warning("clock.trouble", error=str(error).strip())
        finally:
            connection.close()
