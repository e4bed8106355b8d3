"""The embedded runner, `shigu clock run`: one process that asks what is due and drains it.

It asks at least each `CLOCK_POLL`, sleeps until the next due moment or a hint, acts at once when
little is due and gathers for up to 50 ms, work included, when much is. Effects inside the database ring in this
thread, kind after kind with a budget each; what talks to the outside or is periodic runs beside it,
so that a slow provider delays no order. SIGTERM ends it after the batch in hand; a database that
goes away is waited for. Any number may run; nothing but the rows is shared.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import django.db
import structlog
from django.conf import settings
from django.db import close_old_connections, connection

from shigu.clock import lateness
from shigu.clock.drain import Drained, drain
from shigu.clock.hints import Ear
from shigu.clock.kinds import Kind, Rings
from shigu.clock.presence import Presence
from shigu.clock.trouble import Trouble
from shigu.clock.watch import Look, Watch

log = structlog.get_logger(__name__)

GATHER = 0.05
"""Where much is due: so long from a row's due moment, at most, until its batch is done, work included."""
SHARE = 0.25
ALONE = 2.0


class Runner:
    """`run()` until `stop()`."""

    def __init__(self, *, poll: float | None = None) -> None:
        self.poll = settings.CLOCK_POLL.total_seconds() if poll is None else poll
        self.stopping = threading.Event()
        self.watch = Watch()
        self.presence = Presence()
        self.trouble = Trouble()
        self.beside: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="clock")
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._turn, self._gather_until = 0, 0.0

    def run(self) -> None:
        """Drive the clock until told to stop."""
        ear = Ear()
        log.info("clock.starts", name=self.presence.name, kinds=sorted(self.watch.memories))
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
        self.presence.show()
        lateness.flush()
        look = self.watch.look(self._busy())
        self._work(self._in_turn(look.ready), look)
        return 0.0 if look.ready else min([self.poll, *look.due.values()])

    # -- one look ----------------------------------------------------------------------------

    def _step(self) -> float:
        try:
            pause = self.tick()
        except django.db.Error as error:
            return self.trouble.bear(error)
        self.trouble.over()
        return pause

    def _in_turn(self, ready: list[Kind]) -> list[Kind]:
        """Another kind goes first each time."""
        self._turn += 1
        first = self._turn % len(ready) if ready else 0
        return ready[first:] + ready[:first]

    def _work(self, ready: list[Kind], look: Look) -> None:
        started, worked, backlog = time.monotonic(), False, False
        budget = ALONE if len(ready) == 1 else SHARE
        for kind in ready:
            if self.stopping.is_set():
                break
            if isinstance(kind, Rings):
                step = self._drain(kind, budget, look.is_overdue(kind))
                worked, backlog = worked or step.claimed > 0, backlog or not step.finished
            else:
                self._start_beside(kind, look.is_overdue(kind))
        if worked:  # little is due: the next look is at once anyway; much: let it gather
            took = time.monotonic() - started  # and so long the next batch may take, too
            self._gather_until = 0.0 if backlog else started + GATHER - took

    def _drain(self, kind: Kind, budget: float, overdue: bool) -> Drained:
        memory = self.watch.memories[kind.name]
        step = drain(kind, budget=budget, memory=memory, stopping=self.stopping)
        memory.begin()  # parked and periodic kinds do not look at it themselves
        if overdue and not step.claimed:
            self.watch.leave(kind)
        else:
            self.watch.forget(kind.name)
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
            self.watch.leave(kind)
            log.warning("clock.trouble", kind=kind.name, error=str(error).strip())
        finally:
            connection.close()

    def _busy(self) -> set[str]:
        self.beside = {name: future for name, future in self.beside.items() if not future.done()}
        return set(self.beside)

    # -- waiting -----------------------------------------------------------------------------

    def _wait(self, seconds: float, ear: Ear) -> None:
        gather = self._gather_until - time.monotonic()
        if gather > 0:
            self.stopping.wait(gather)
        if seconds <= 0 or self.stopping.is_set():
            return
        nearest = self.watch.nearest(seconds)
        ready, _, _ = select.select([self._woken, *ear.sockets], [], [], nearest)
        if self._woken in ready:
            self._woken.recv(1000)
        for name in ear.heard():
            self.watch.forget(name)

    def _wake_up(self) -> None:
        with suppress(OSError):  # full: it is waking up already; closed: it has ended
            self._wake.send(b".")

    def _close(self) -> None:
        self._pool.shutdown(wait=True)
        try:
            lateness.flush(at_once=True)
            self.presence.leave()
        except django.db.Error as error:
            log.warning("clock.trouble", error=str(error).strip())
        self._wake.close()
        self._woken.close()
        log.info("clock.ends", name=self.presence.name)
