"""Old notices are forgotten: entries that were read, and rows of other channels that came to an end.

What nobody has read yet stays, however old; what still waits is the clock's.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from shigu import clock

FORGET = """
DELETE FROM notices_notice WHERE id IN (
  SELECT id FROM notices_notice
   WHERE at < %s AND state <> 'waiting' AND (channel <> 'inbox' OR read_at IS NOT NULL)
   LIMIT %s FOR UPDATE SKIP LOCKED)
"""
CHUNK = 5000


@clock.every("41 4 * * *", name="notices.forget", title=_("Old notices to people"))
def forget(*, now: datetime) -> int:
    """Delete what is older than `NOTICES_KEPT`, a chunk at a time; how many."""
    gone = 0
    while found := _some(now - settings.NOTICES_KEPT):
        gone += found
    return gone


def _some(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [before, CHUNK])
        return int(cursor.rowcount)
