"""How a lot stands for everybody: its public snapshot, as JSON, by one query for any number of lots.

Event streams, polling and the lot's page read the same text, so they never disagree; `version` is its
sequence. Nothing of it is anybody's own: the leader is a paddle, never a user; a maximum or the amount of
a reserve is in no column that is read here, only whether the price meets it. Where a second chance stands,
leader and hammer are those of who has it. Money in fen, times in milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

# The least valid amount is `rules.Rules.least`, said in SQL so that the event process needs no models.
STEP = """
(SELECT (band ->> 1)::bigint FROM jsonb_array_elements(l.steps) AS band
  WHERE (band ->> 0)::bigint <= coalesce(b.price, 0)
  ORDER BY (band ->> 0)::bigint DESC, (band ->> 1)::bigint DESC LIMIT 1)
"""

PUBLIC = f"""
SELECT b.lot_id, b.version, jsonb_build_object(
         'lot', b.lot_id, 'session', b.session_id, 'number', l.number, 'version', b.version,
         'state', CASE b.state WHEN 1 THEN 'open' WHEN 2 THEN 'open' WHEN 3 THEN 'sold'
                  WHEN 4 THEN 'paid' WHEN 5 THEN 'passed-in' WHEN 6 THEN 'overdue'
                  ELSE 'withdrawn' END,
         'price', b.price, 'leader', p.number, 'bids', b.bids, 'extensions', b.extensions,
         'least', CASE WHEN b.price IS NULL THEN coalesce(nullif(l.start_price, 0), {STEP})
                  ELSE b.price + {STEP} END,
         'opens_at', floor(extract(epoch FROM b.opens_at) * 1000)::bigint,
         'closes_at', floor(extract(epoch FROM b.closes_at) * 1000)::bigint,
         'hammer', coalesce(again.price, b.hammer),
         'reserve_met', CASE WHEN l.reserve IS NOT NULL THEN coalesce(b.price >= l.reserve, false) END
       )::text AS said
  FROM auctions_bidding b JOIN auctions_lot l ON l.id = b.lot_id
  LEFT JOIN auctions_award again
    ON again.lot_id = b.lot_id AND again.state IN (0, 1) AND again.second_chance
  LEFT JOIN auctions_paddle p
    ON p.session_id = b.session_id AND p.user_id = coalesce(again.user_id, b.leader_id)
 WHERE b.state <> 0
"""

SNAPSHOTS = PUBLIC + " AND b.lot_id = ANY(%(lots)s::bigint[]) ORDER BY b.lot_id"

NEWER = f"""
SELECT floor(extract(epoch FROM t.now) * 1000)::bigint, s.lot_id, s.version, s.said
  FROM (SELECT shigu_clock() AS now) AS t
  LEFT JOIN ({PUBLIC}
     AND EXISTS (SELECT FROM unnest(%(lots)s::bigint[], %(versions)s::bigint[]) AS k(lot, version)
                  WHERE k.lot = b.lot_id AND k.version <> b.version)
     AND b.lot_id = ANY(%(lots)s::bigint[])) AS s ON true
"""
"""The shop's time, in one row at least, and every lot whose version is not the one that is known."""

OF_SESSION = """
SELECT array_agg(lot_id ORDER BY lot_id) FROM auctions_bidding
 WHERE session_id = %(session)s AND state <> 0
"""


class Snapshot(NamedTuple):
    """One lot's text and its sequence."""

    lot_id: int
    version: int
    said: str


def of(lot_ids: Collection[int]) -> list[Snapshot]:
    """Snapshots of these lots, those left out that nobody may see; one query."""
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOTS, {"lots": list(lot_ids)})
        return [Snapshot(*row) for row in cursor.fetchall()]


def of_session(session_id: int) -> list[Snapshot]:
    """Snapshots of all lots of a session, in two queries."""
    with connection.cursor() as cursor:
        cursor.execute(OF_SESSION, {"session": session_id})
        [lots] = cursor.fetchone()
    return of(lots or [])
