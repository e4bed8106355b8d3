"""Views 围观: how often a session was looked at, counted in the process and written in batches.

`saw(session_id)` costs a page nothing; every few seconds one statement adds what was counted. A session that
somebody holds locked (its lots close) is not waited for: its views are kept for the next batch. What a
process counted and had not written when it died is lost; nobody's money hangs on it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping

import structlog
from django.db import DatabaseError, connection

EVERY = 5.0
"""Seconds between two batches of one process."""

ADD = """
UPDATE auctions_session s SET views = s.views + seen.many
  FROM unnest(%(sessions)s::bigint[], %(many)s::int[]) AS seen(id, many),
       (SELECT id FROM auctions_session WHERE id = ANY(%(sessions)s::bigint[])
         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS free
 WHERE s.id = seen.id AND free.id = s.id
RETURNING s.id
"""

log = structlog.get_logger(__name__)


class Views:
    """What one process has counted and not written yet."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self._written_at = time.monotonic()
        self._lock = threading.Lock()

    def saw(self, session_id: int) -> None:
        """One more; whoever comes when it is time writes for all."""
        with self._lock:
            self._seen[session_id] += 1
            is_time = time.monotonic() - self._written_at >= EVERY
        if is_time:
            self.flush()

    def flush(self) -> None:
        """Write what was counted; what cannot be written now is kept. It never raises."""
        with self._lock:
            taken, self._seen = self._seen, Counter()
            self._written_at = time.monotonic()
        if not taken:
            return
        try:
            written = _add(taken)
        except DatabaseError as error:
            log.warning("auctions.views_kept", error=type(error).__name__)
            written = set()
        with self._lock:
            self._seen.update({pk: many for pk, many in taken.items() if pk not in written})


def _add(seen: Mapping[int, int]) -> set[int]:
    values = {"sessions": list(seen), "many": list(seen.values())}
    with connection.cursor() as cursor:
        cursor.execute(ADD, values)
        return {pk for (pk,) in cursor.fetchall()}


views = Views()


def saw(session_id: int) -> None:
    """Somebody looked at this session, or at a lot of it."""
    views.saw(session_id)
