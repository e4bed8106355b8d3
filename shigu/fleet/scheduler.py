"""The fleet's clock: `celery -A shigu beat -S shigu.fleet.scheduler:Scheduler`, any number at once.

Each `tick()` looks at what is due, sends a hint for every kind that is, and waits until the next due
moment, a second at most. It gathers as the embedded runner does: at once where little is due, after
50 ms where a hint has just gone out. A database or broker that is away is waited for. Ordinary
entries of `beat_schedule` are sent besides, each moment by one scheduler (`turns.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import django.db
import structlog
from celery import beat
from django.conf import settings
from django.db import close_old_connections, connection

from shigu.clock.kinds import Kind
from shigu.clock.memory import MARGIN
from shigu.clock.presence import Presence
from shigu.clock.time import now
from shigu.clock.trouble import Trouble
from shigu.clock.watch import Look, Watch
from shigu.fleet import turns
from shigu.fleet.posting import Post

log = structlog.get_logger(__name__)

GATHER = 0.05
STILL = timedelta(milliseconds=25)
"""The first due row of a kind has moved if it is more than this later than before: two clocks are read."""

AT_A_LOSS = 1.0
"""Seconds to wait after an error that nobody foresaw."""


class Scheduler(beat.Scheduler):
    """Made twice by Celery, once only for its banner: making one touches nothing outside."""

    max_interval = 5

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.poll = settings.CLOCK_POLL.total_seconds()
        self.watch = Watch()
        self.presence = Presence("beat")
        self.trouble = Trouble()
        self.post = Post()
        self._heads: dict[str, datetime] = {}
        self._recalled = self._ticking = False
        super().__init__(*args, **kwargs)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """One look, its hints, and the wait for the next; nothing that goes wrong gets out."""
        self._ticking = True
        try:
            look = self._guarded(self._hint)
            entries = self._guarded(self._send_entries)
            time.sleep(look if self.trouble.times else min(look, entries))
        finally:
            self._ticking = False
        return 0.0

    def close(self) -> None:
        """May be called by a signal handler in the midst of a tick, and then once more after it."""
        if self._ticking:
            return  # the connections are in use: they are closed when the tick has ended
        super().close()
        self.post.close()
        self._leave()

    @cached_property
    def producer(self) -> Any:
        """For ordinary entries. Celery's own would wait here for a broker that is away."""
        return self.app.amqp.Producer(self.connection, auto_declare=False)

    def is_due(self, entry: Any) -> tuple[bool, float]:
        return turns.is_due(entry)

    # -- ordinary entries --------------------------------------------------------------------

    def _send_entries(self) -> float:
        if self.schedule and not self._recalled:
            turns.recall(self.schedule.values())
            self._recalled, self._heap = True, None
        pause = super().tick()
        return self.poll if pause is None else max(0.0, pause)

    # -- the clock ---------------------------------------------------------------------------

    def _hint(self) -> float:
        """Seconds until the next look."""
        close_old_connections()
        self.presence.show()
        for memory in self.watch.memories.values():
            memory.begin()
        look, at = self.watch.look(), now()
        for kind in look.ready:
            if look.is_overdue(kind):
                self._hint_at(kind, at + timedelta(seconds=look.due[kind.name]))
        self._raise_floors(look, at)
        self.trouble.over()
        coming = [seconds for seconds in look.due.values() if seconds > 0]
        return self.watch.nearest(min([self.poll, *coming]))

    def _hint_at(self, kind: Kind, head: datetime) -> None:
        """Then let it be drained a while; twice as long each time that its head has not moved."""
        if head > self._heads.get(kind.name, head) + STILL:
            self.watch.forget(kind.name)
        self._heads[kind.name] = head
        self.post.send(kind)
        self.watch.leave(kind, least=GATHER)

    def _raise_floors(self, look: Look, at: datetime) -> None:
        """What lies well below the first row that is due was drained, or is looked for later."""
        for name, memory in self.watch.memories.items():
            if name in look.seen:
                memory.floor = at + timedelta(seconds=min(0.0, look.due.get(name, 0.0))) - MARGIN

    # -- trouble -----------------------------------------------------------------------------

    def _guarded(self, step: Callable[[], float]) -> float:
        try:
            return step()
        except django.db.Error as error:
            return self.trouble.bear(error)
        except Exception as error:
            log.exception("fleet.tick_failed", error=str(error))
            return AT_A_LOSS

    def _leave(self) -> None:
        try:
            connection.close()  # a signal may have cut it off in the middle of an answer
            self.presence.leave()
        except django.db.Error as error:
            log.warning("clock.trouble", error=str(error).strip())
        finally:
            connection.close()
