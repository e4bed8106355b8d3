"""Puts hints into the broker, and gives up at once where that does not work.

`Post.send(kind)` never raises and is short: a broker that is away is left alone for a while, longer
each time, and a queue that nobody reads gets no more than a hundred. What was sent, lost or held
back is counted in `counts`.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import Any, Literal

import structlog

from shigu.clock.kinds import Kind, Urgency
from shigu.fleet.app import CONNECTING, DRAIN, app
from shigu.fleet.queues import LIFE, is_rabbit

log = structlog.get_logger(__name__)

TIMEOUT = 2.0
ENOUGH = 100
"""Hints that may wait in one queue: workers that come back find that something is due from one."""

COUNTED_EVERY = 1.0
FIRST_REST, LONGEST_REST = 0.25, 5.0

Fate = Literal["sent", "lost", "enough"]
counts: Counter[Fate] = Counter()
"""What became of this process's hints."""


class Post:
    """One thread's connection to the broker; made when the first hint is sent."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._producer: Any = None
        self._waiting: dict[Urgency, int] = {}
        self._counted_at: dict[Urgency, float] = {}
        self._away_until, self._rest = 0.0, FIRST_REST

    def send(self, kind: Kind) -> bool:
        """One hint; False where it was not sent."""
        fate = self._fate(kind)
        counts[fate] += 1
        return fate == "sent"

    def close(self) -> None:
        """Hang up; the next hint would call again."""
        held, self._connection, self._producer = self._connection, None, None
        self._counted_at.clear()
        if held is not None:
            with suppress(Exception):
                held.release()

    def _fate(self, kind: Kind) -> Fate:
        if time.monotonic() < self._away_until:
            return "lost"
        try:
            self._connect()
            if self._has_enough(kind.urgency):
                return "enough"
            self._publish(kind)
        except Exception as error:  # each transport has errors of its own
            self._lost(error)
            return "lost"
        self._rest = FIRST_REST
        return "sent"

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = app.connection_for_write(
            connect_timeout=TIMEOUT, transport_options=_limits(app.conf.broker_url)
        )
        self._connection.ensure_connection(max_retries=1, interval_start=0.1, interval_max=0.1)
        self._producer = app.amqp.Producer(self._connection, auto_declare=False)

    def _publish(self, kind: Kind) -> None:
        app.send_task(
            DRAIN,
            args=[kind.name],
            queue=kind.urgency,
            producer=self._producer,
            expires=LIFE.total_seconds(),
            ignore_result=True,
            retry=False,
            confirm_timeout=TIMEOUT,
        )
        self._counted_at.setdefault(kind.urgency, 0.0)

    def _has_enough(self, queue: Urgency) -> bool:
        """Asked about once a second, and only of queues that were declared by sending to them."""
        counted_at = self._counted_at.get(queue)
        if counted_at is not None and time.monotonic() - counted_at >= COUNTED_EVERY:
            passive = is_rabbit(app.conf.broker_url)  # an empty list is no list in Redis
            declared = self._producer.channel.queue_declare(queue=queue, passive=passive)
            self._waiting[queue] = declared.message_count
            self._counted_at[queue] = time.monotonic()
        return self._waiting.get(queue, 0) >= ENOUGH

    def _lost(self, error: Exception) -> None:
        log.warning("fleet.broker_away", error=str(error).strip() or type(error).__name__)
        self.close()
        self._waiting.clear()
        self._away_until = time.monotonic() + self._rest
        self._rest = min(LONGEST_REST, self._rest * 2)


def _limits(broker: str) -> dict[str, Any]:
    """No word with the broker takes longer than this."""
    if is_rabbit(broker):
        return {**CONNECTING, "read_timeout": TIMEOUT, "write_timeout": TIMEOUT}
    return {**CONNECTING, "socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
