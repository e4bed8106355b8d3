"""What providers told us is forgotten when nobody can need it any more: it names people.

Only what was handled, and not what somebody should look at; the payment itself stays.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from shigu import clock

CHUNK = 2000
FORGET = """
DELETE FROM payments_notice WHERE id IN (
  SELECT id FROM payments_notice
   WHERE received_at < %s AND handled_at IS NOT NULL
     AND outcome NOT IN ('', 'wrong-amount', 'foreign', 'unknown')
   LIMIT %s FOR UPDATE SKIP LOCKED)
"""


@clock.every("51 4 * * *", name="payments.forget_notices", title=_("Old notices of providers"))
def forget(*, now: datetime) -> int:
    """Delete what is older than `PROVIDER_NOTICES_KEPT`, a chunk at a time; how many."""
    gone = 0
    while found := _some(now - settings.PROVIDER_NOTICES_KEPT):
        gone += found
    return gone


def _some(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [before, CHUNK])
        return int(cursor.rowcount)
