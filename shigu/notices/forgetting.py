"""Old notices are forgotten: entries that were read, and rows of other channels that came to an end.

What nobody has read yet stays, however old; what still waits is the clock's.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection

from shigu import clock

FORGET = """
DELETE FROM notices_notice WHERE id IN (
  SELECT id FROM notices_notice
   WHERE at < %s AND state <> 'waiting' AND (channel <> 'inbox' OR read_at IS NOT NULL)
   LIMIT %s FOR UPDATE SKIP LOCKED)
"""
CHUNK = 5000


@clock.every("41 4 * * *", name="notices.forget")
def forget(*, now: datetime) -> None:
    """Delete what is older than `NOTICES_KEPT`, a chunk at a time."""
    while _some(now - settings.NOTICES_KEPT) == CHUNK:
        pass


def _some(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [before, CHUNK])
        return int(cursor.rowcount)
