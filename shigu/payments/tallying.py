"""Counting notices that were not worth storing, by day and reason, for operators to see.

`count` writes at most once a second and process, whatever is thrown at the door: junk must not make
the database work. Of a burst that ends, the last second may stay unwritten until the next piece of junk.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

import structlog
from django.db import connection
from django.utils import timezone

from shigu import clock

EVERY = 1.0
"""Seconds between two writes of one process."""

log = structlog.get_logger(__name__)
_lock = threading.Lock()
_waiting: Counter[tuple[str, str]] = Counter()
_written = float("-inf")

UPSERT = """
INSERT INTO payments_noticetally AS tally (day, provider, why, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (day, provider, why) DO UPDATE SET count = tally.count + excluded.count
"""


def count(provider: str, why: str) -> None:
    """One more notice from `provider` that could not be believed, and why."""
    global _written
    with _lock:
        _waiting[provider, why] += 1
        if time.monotonic() - _written < EVERY:
            return
        _written = time.monotonic()
        due = sorted(_waiting.items())
        _waiting.clear()
    _write(due)


def _write(due: list[tuple[tuple[str, str], int]]) -> None:
    log.info("payments.junk", counts={f"{provider} {why}": n for (provider, why), n in due})
    day = timezone.localdate(clock.now())
    with connection.cursor() as cursor:
        cursor.executemany(UPSERT, [(day, provider, why, n) for (provider, why), n in due])
