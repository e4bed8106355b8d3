"""An unused coupon whose time is over is marked as lapsed.

Nothing waits for this: what is past its end cannot be used, whether the clock came by or not
(`Grant.is_usable`, `Grant.state_at`). Held and used ones are their orders' affair.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.promotions.models import Grant

LAPSE = """
UPDATE promotions_grant SET state = 'lapsed', due_at = NULL
 WHERE id = ANY(%s::bigint[]) AND state = 'unused'
"""


@clock.rings(Grant, due="due_at", among=Q(state="unused"))
def lapse(grant_ids: list[int], *, now: datetime) -> int:
    """These unused grants, locked by the clock as due, are lapsed from now on."""
    with connection.cursor() as cursor:
        cursor.execute(LAPSE, [grant_ids])
        return int(cursor.rowcount)
