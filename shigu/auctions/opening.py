"""The clock turns a session's pages: its preview begins, it opens, it ends with its last lot.

None of this decides anything: whether a lot may be bid on is in its own `Bidding`, so an opener that comes
late, or never, changes no outcome. Opening touches only the session.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.auctions import announcing, beating, waking
from shigu.auctions.models import Session
from shigu.kit.breakpoints import reached

# A session whose last lot is closed ends, whatever of its opening was missed.
TURN = """
UPDATE auctions_session
   SET state = CASE WHEN open_lots = 0 THEN 4 WHEN opens_at <= %(now)s THEN 3 ELSE 2 END,
       due_at = CASE WHEN open_lots > 0 AND opens_at > %(now)s THEN opens_at END,
       ended_at = CASE WHEN open_lots = 0 THEN %(now)s::timestamptz END
 WHERE id = ANY(%(ids)s::bigint[]) RETURNING id, open_lots = 0
"""


@clock.rings(Session, due="due_at", among=Q(state__in=[1, 2, 3]), urgency="auction")
def turn(session_ids: list[int], *, now: datetime) -> int:
    """Sessions that are due, locked by the claim: preview, live or ended, as their times say.

    1. Each goes to the state that holds now; its next moment is its opening, or the end of its last lot.
    2. Those that ended wait for an outage that is just being told, and wake the deposits for all their lots.
    3. Lots of those that opened have a moment at which people hear that they end soon.
    """
    with connection.cursor() as cursor:
        cursor.execute(TURN, {"now": now, "ids": session_ids})
        turned = cursor.fetchall()
    reached("auctions.turn.turned")
    if over := [pk for pk, is_over in turned if is_over]:
        beating.told()
        waking.of_sessions(over, now=now)
    announcing.arm([pk for pk, is_over in turned if not is_over], now=now)
    return len(turned)
