"""Lots whose time is over: sold to their leader with an award and an order, or passed in.

`close` is called by the clock with lots it has just locked as due, hundreds at a time: a handful of
statements for all of them. A bid locks the same row, so each lot sees either the bid or its end. It never
matters whether the lot's opening ran, or how late this comes: a bid after the end was refused anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.auctions import news, telling, waking
from shigu.auctions.awarding import award
from shigu.auctions.beating import spared
from shigu.auctions.covering import Winner
from shigu.auctions.models import Bidding
from shigu.kit.breakpoints import reached

# A price that meets the reserve sells. No end is before the last decision.
CLOSE = """
UPDATE auctions_bidding b
   SET state = CASE WHEN b.price >= coalesce(l.reserve, 0) THEN 3 ELSE 5 END,
       hammer = CASE WHEN b.price >= coalesce(l.reserve, 0) THEN b.price END,
       due_at = NULL, ended_at = greatest(%(now)s, b.decided_at), version = b.version + 1
  FROM auctions_lot l
 WHERE l.id = b.lot_id AND b.lot_id = ANY(%(lots)s::bigint[]) AND b.state IN (1, 2)
RETURNING b.lot_id, b.leader_id, b.hammer
"""

# Under the session's lock. Its last lot makes it due to end.
TOTALS = """
WITH c AS MATERIALIZED (
  SELECT session_id, count(*) AS lots, coalesce(sum(hammer), 0)::bigint AS hammer
    FROM auctions_bidding WHERE lot_id = ANY(%(lots)s::bigint[]) GROUP BY session_id
), l AS MATERIALIZED (
  SELECT id FROM auctions_session WHERE id IN (SELECT session_id FROM c) ORDER BY id FOR NO KEY UPDATE
)
UPDATE auctions_session s
   SET open_lots = s.open_lots - c.lots, hammer_total = s.hammer_total + c.hammer,
       due_at = CASE WHEN s.open_lots = c.lots THEN %(now)s ELSE s.due_at END
  FROM c JOIN l ON l.id = c.session_id WHERE s.id = l.id
"""


@clock.rings(Bidding, due="due_at", among=Q(state__in=[1, 2]), urgency="auction")
def close(lot_ids: list[int], *, now: datetime) -> int:
    """End due lots, locked by the claim, with everything that follows from it.

    1. Where nobody could bid as the end came near, there is more time instead, and bidders are told.
    2. Sold where the price meets the reserve, else passed in.
    3. Totals of their sessions; the last lot makes its session due to end.
    4. What was sold is awarded: an order that waits for its payment.
    5. Deposits for these lots are to be decided.
    """
    reached("auctions.close.claimed")
    more_time = spared(lot_ids, now=now)
    if more_time:
        telling.moved(more_time, at=now)
        news.changed(more_time)
    ended, winners = _closed(sorted(set(lot_ids) - set(more_time)), now)
    reached("auctions.close.closed")
    if ended:
        count(ended, now=now)
        reached("auctions.close.counted")
        award(winners, now=now)
        reached("auctions.close.awarded")
        waking.of_lots(ended, now=now)
        news.changed(ended)
    reached("auctions.close.done")
    return len(ended)


def count(lot_ids: Sequence[int], *, now: datetime) -> None:
    """Lots that are open no more leave their sessions' counts; their hammer prices join the totals."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, {"lots": list(lot_ids), "now": now})
    clock.hint("auctions.turn")


def _closed(lot_ids: Sequence[int], now: datetime) -> tuple[list[int], list[Winner]]:
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, {"lots": list(lot_ids), "now": now})
        rows = sorted(cursor.fetchall())
    winners = [Winner(lot, leader, hammer) for lot, leader, hammer in rows if hammer is not None]
    return [lot for lot, _, _ in rows], winners
