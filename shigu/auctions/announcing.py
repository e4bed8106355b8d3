"""Who lost the lead of a lot is told so, and who cares for it is told that it ends soon; by the clock.

A bid leaves `outbid_at` a second ahead where somebody lost the lead; `outbid` reads from the numbered log
who that was. So the hot row pays nothing for it, and a storm of bids is one notice a second for each of
them, and one mail a minute. `ending_at` is set at the opening and looked at again when it comes: an end
that was moved moves it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from shigu import clock
from shigu.auctions.models import Announcement
from shigu.auctions.models.announcements import ENDING, OUTBID
from shigu.auctions.telling import CARES
from shigu.kit.breakpoints import reached
from shigu.notices import outbox

REST = timedelta(minutes=1)
"""Between two mails to one person about one lot."""

ROUNDS = 32_768

# The decision that was told last is read again: who led after it may have lost the lead since.
LOST = """
SELECT DISTINCT d.leader_id, a.lot_id, a.round,
       jsonb_build_object('price', b.price, 'closes_at', b.closes_at)
  FROM auctions_announcement a
  JOIN auctions_bidding b ON b.lot_id = a.lot_id AND b.state IN (1, 2)
  JOIN auctions_bid d ON d.lot_id = a.lot_id AND d.n >= a.told
 WHERE a.lot_id = ANY(%(lots)s::bigint[]) AND d.leader_id <> b.leader_id
"""

# Whoever makes somebody lose the lead waits for this row, so none is missed between the two statements.
TOLD = f"""
UPDATE auctions_announcement a
   SET outbid_at = NULL, told = b.decisions, round = (a.round + 1) %% {ROUNDS}
  FROM auctions_bidding b WHERE b.lot_id = a.lot_id AND a.lot_id = ANY(%(lots)s::bigint[])
"""

# A lot that is open for less than `before`, or not much longer, ends soon from its half on.
ARM = """
INSERT INTO auctions_announcement (lot_id, ending_at, told, round)
SELECT lot_id, soon, 0, 0 FROM auctions_bidding,
       LATERAL greatest(closes_at - %(before)s, opens_at + (closes_at - opens_at) / 2) AS soon
 WHERE session_id = ANY(%(sessions)s::bigint[]) AND state IN (1, 2) AND opens_at <= %(now)s
   AND soon > %(now)s
 ORDER BY lot_id
ON CONFLICT (lot_id) DO UPDATE SET ending_at = excluded.ending_at
"""

SOON = """
b.lot_id = ANY(%(lots)s::bigint[]) AND b.state IN (1, 2)
 AND b.closes_at > %(now)s AND b.closes_at - %(before)s <= %(now)s
"""

WHO_CARES = f"""
SELECT who.user_id, b.lot_id, 0, jsonb_build_object('price', b.price, 'closes_at', b.closes_at)
  FROM auctions_bidding b CROSS JOIN LATERAL ({CARES.format(lot="b.lot_id")}) AS who(user_id)
 WHERE {SOON}
"""

WHO_IS_ADMITTED = f"""
SELECT d.user_id, b.session_id, 0, jsonb_build_object('closes_at', min(b.closes_at))
  FROM auctions_bidding b
  JOIN auctions_deposit d ON d.session_id = b.session_id AND d.lot_id IS NULL AND d.state = 1
 WHERE {SOON} GROUP BY d.user_id, b.session_id
"""

LATER = """
UPDATE auctions_announcement a
   SET ending_at = CASE WHEN b.state IN (1, 2) AND b.closes_at - %(before)s > %(now)s
                        THEN b.closes_at - %(before)s END
  FROM auctions_bidding b WHERE b.lot_id = a.lot_id AND a.lot_id = ANY(%(lots)s::bigint[])
"""


@clock.rings(Announcement, due="outbid_at", among=OUTBID, urgency="auction", name="auctions.outbid")
def outbid(lot_ids: list[int], *, now: datetime) -> int:
    """Tell who led since the last time and does not lead now; of lots that are over nobody."""
    values = {"lots": lot_ids}
    outbox.tell_from("lot.outbid", LOST, values, at=now, rest=REST)
    reached("auctions.outbid.told")
    _write(TOLD, values)
    return len(lot_ids)


@clock.rings(Announcement, due="ending_at", among=ENDING, urgency="order", name="auctions.ending")
def ending(lot_ids: list[int], *, now: datetime) -> int:
    """Tell who bid on these lots or holds a deposit for them, once; where the end was moved, later.

    Who holds a deposit for a whole session hears once, of the first lots that end.
    """
    values = {"lots": lot_ids, "now": now, "before": settings.AUCTION_ENDING}
    outbox.tell_from("lot.ending", WHO_CARES, values, at=now)
    outbox.tell_from("session.ending", WHO_IS_ADMITTED, values, at=now)
    _write(LATER, values)
    return len(lot_ids)


def arm(session_ids: Collection[int], *, now: datetime) -> None:
    """These sessions open: their lots have a moment at which their end is near."""
    before = settings.AUCTION_ENDING
    if session_ids and before:
        _write(ARM, {"sessions": list(session_ids), "now": now, "before": before})


def _write(sql: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
