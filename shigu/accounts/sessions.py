"""Sessions that are over are forgotten: their rows serve nobody, and tell when somebody was here.

Sessions keep real time, whatever the shop's clock was moved to.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from shigu import clock

CHUNK = 5000
FORGET = """
DELETE FROM django_session WHERE session_key IN (
  SELECT session_key FROM django_session WHERE expire_date < statement_timestamp()
   ORDER BY expire_date LIMIT %s FOR UPDATE SKIP LOCKED)
"""


@clock.every("23 4 * * *", name="accounts.forget_sessions", title=_("Sessions that are over"))
def forget_sessions(*, now: datetime) -> int:
    """Delete what has expired, a chunk at a time; how many."""
    gone = 0
    while found := _some():
        gone += found
    return gone


def _some() -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [CHUNK])
        return int(cursor.rowcount)
