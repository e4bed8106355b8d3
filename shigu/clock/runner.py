"""The embedded runner, `shigu clock run`: one process that asks what is due and drains it.

It asks at least each `CLOCK_POLL`, sleeps until the next due moment or a hint, acts at once when
little is due and gathers for up to 50 ms when much is. Effects inside the database ring in this
thread, kind after kind with a budget each; what talks to the outside or is periodic runs beside it,
so that a slow provider delays no order. SIGTERM ends it after the batch in hand; a database that
goes away is waited for. Any number may run; nothing but the rows is shared.
"""

from __future__ import annotations

import os
import random
import select
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import django.db
import structlog
from django.conf import settings
from django.db import close_old_connections, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from shigu.clock import lateness, periodic
from shigu.clock.drain import Drained, drain
from shigu.clock.due import due_by_kind
from shigu.clock.hints import Ear
from shigu.clock.kinds import Kind, Rings, known
from shigu.clock.memory import Memory
from shigu.clock.models import Dispatcher
from shigu.clock.time import now

log = structlog.get_logger(__name__)

GATHER = 0.05
SHARE = 0.25
ALONE = 2.0
SHOWN_EVERY = 1.0
LONGEST_REST = 1.0


@dataclass
class Rest:
    """A kind whose due rows could not be had (others hold them) is left alone for a moment."""

    until: float = 0.0
    pause: float = 0.005

    def longer(self) -> None:
        self.pause = min(LONGEST_REST, self.pause * 2)
        self.until = time.monotonic() + self.pause


class Runner:
    """`run()` until `stop()`."""

    def __init__(self, *, poll: float | None = None) -> None:
        self.poll = settings.CLOCK_POLL.total_seconds() if poll is None else poll
        self.name = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self.stopping = threading.Event()
        self.memories = {kind.name: Memory.of(kind) for kind in known()}
        self.rests: dict[str, Rest] = {}
        self.beside: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="clock")
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._turn, self._shown_at, self._gather_until, self._trouble = 0, 0.0, 0.0, 0

    def run(self) -> None:
        """Drive the clock until told to stop."""
        ear = Ear()
        log.info("clock.starts", name=self.name, kinds=sorted(self.memories))
        try:
            while not self.stopping.is_set():
                self._wait(self._step(), ear)
        finally:
            ear.close()
            self._close()

    def stop(self, *_: object) -> None:
        """End after the batch in hand; a signal handler."""
        self.stopping.set()
        self._wake_up()

    def tick(self) -> float:
        """One look at what is due, and its work; the seconds to sleep until the next look."""
        close_old_connections()
        self._show()
        lateness.flush()
        away = self._away()
        due = due_by_kind(self.memories, without=away)
        ready = [k for k in known() if k.name not in away and self._is_ready(k, due)]
        self._forget_rests(due)
        self._work(self._in_turn(ready), due)
        return 0.0 if ready else min([self.poll, *due.values()])

    # -- one look ----------------------------------------------------------------------------

    def _step(self) -> float:
        try:
            pause = self.tick()
        except django.db.Error as error:
            return self._bear(error)
        self._trouble = 0
        return pause

    def _bear(self, error: Exception) -> float:
        """The database is away or unwell: let go of all connections and wait, longer each time."""
        self._trouble += 1
        log.warning("clock.trouble", error=str(error).strip(), times=self._trouble)
        connection.close()
        if isinstance(connection, DatabaseWrapper) and connection.pool:
            connection.close_pool()  # what it keeps idle is as dead as what we had
        longest: float = min(5.0, 0.2 * 2 ** min(self._trouble, 10))
        return random.uniform(0.5, 1.0) * longest

    def _is_ready(self, kind: Kind, due: dict[str, float]) -> bool:
        return due.get(kind.name, 1.0) <= 0 or self.memories[kind.name].must_look_below

    def _in_turn(self, ready: list[Kind]) -> list[Kind]:
        """Another kind goes first each time."""
        self._turn += 1
        first = self._turn % len(ready) if ready else 0
        return ready[first:] + ready[:first]

    def _work(self, ready: list[Kind], due: dict[str, float]) -> None:
        started, worked, backlog = time.monotonic(), False, False
        budget = ALONE if len(ready) == 1 else SHARE
        for kind in ready:
            overdue = due.get(kind.name, 1.0) <= 0
            if self.stopping.is_set():
                break
            if isinstance(kind, Rings):
                step = self._drain(kind, budget, overdue)
                worked, backlog = worked or step.claimed > 0, backlog or not step.finished
            else:
                self._start_beside(kind, overdue)
        if worked:  # little is due: the next look is at once anyway; much: let it gather
            self._gather_until = 0.0 if backlog else started + GATHER

    def _drain(self, kind: Kind, budget: float, overdue: bool) -> Drained:
        memory = self.memories[kind.name]
        step = drain(kind, budget=budget, memory=memory, stopping=self.stopping)
        memory.begin()  # parked and periodic kinds do not look at it themselves
        if overdue and not step.claimed:
            self.rests.setdefault(kind.name, Rest()).longer()
        else:
            self.rests.pop(kind.name, None)
        return step

    # -- beside ------------------------------------------------------------------------------

    def _start_beside(self, kind: Kind, overdue: bool) -> None:
        future = self._pool.submit(self._drain_apart, kind, overdue)
        self.beside[kind.name] = future
        future.add_done_callback(lambda _: self._wake_up())

    def _drain_apart(self, kind: Kind, overdue: bool) -> None:
        try:
            self._drain(kind, ALONE, overdue)
        except Exception as error:
            self.rests.setdefault(kind.name, Rest()).longer()
            log.warning("clock.trouble", kind=kind.name, error=str(error).strip())
        finally:
            connection.close()

    def _away(self) -> set[str]:
        """Kinds that are at work beside, or at rest."""
        self.beside = {name: future for name, future in self.beside.items() if not future.done()}
        at = time.monotonic()
        return {name for name, rest in self.rests.items() if rest.until > at} | set(self.beside)

    def _forget_rests(self, due: dict[str, float]) -> None:
        at = time.monotonic()
        for name, rest in list(self.rests.items()):
            if rest.until <= at and due.get(name, 1.0) > 0:
                self.rests.pop(name, None)

    # -- waiting -----------------------------------------------------------------------------

    def _wait(self, seconds: float, ear: Ear) -> None:
        gather = self._gather_until - time.monotonic()
        if gather > 0:
            self.stopping.wait(gather)
        if seconds <= 0 or self.stopping.is_set():
            return
        ends = [rest.until - time.monotonic() for rest in list(self.rests.values())]
        nearest = min([seconds, *(end for end in ends if end > 0)])
        ready, _, _ = select.select([self._woken, *ear.sockets], [], [], max(0.001, nearest))
        if self._woken in ready:
            self._woken.recv(1000)
        for name in ear.heard():
            self.rests.pop(name, None)

    def _wake_up(self) -> None:
        with suppress(OSError):  # full: it is waking up already; closed: it has ended
            self._wake.send(b".")

    # -- being seen --------------------------------------------------------------------------

    def _show(self) -> None:
        if time.monotonic() - self._shown_at < SHOWN_EVERY:
            return
        if not self._shown_at:
            periodic.ensure()
        self._shown_at = time.monotonic()
        at = now()
        Dispatcher.objects.update_or_create(
            name=self.name,
            defaults={"ticked_at": at},
            create_defaults={"ticked_at": at, "started_at": at},
        )

    def _close(self) -> None:
        self._pool.shutdown(wait=True)
        try:
            lateness.flush(at_once=True)
            Dispatcher.objects.filter(name=self.name).delete()
        except django.db.Error as error:
            log.warning("clock.trouble", error=str(error).strip())
        self._wake.close()
        self._woken.close()
        log.info("clock.ends", name=self.name)
