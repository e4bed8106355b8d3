"""Beating: web processes say each second that bids can be taken, so that no lot closes on a blind time.

A beat goes the way a bid goes: a connection of the same pool, a look at the lots, a row written and
committed. Where no process could do that for longer than `AUCTION_OUTAGE`, bids could not come in, be it
for a lost database or for servers that were down; a lot whose end fell into such a time gets a new one.
Beats are kept in real time and read back from now, so that a moved clock is no outage.

`beat()` is one beat, `Heart` the thread that does it; the closer asks `spared` which lots it may close, and
whoever ends a session waits for outages that are just being `told`.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction

from shigu.auctions import viewing
from shigu.kit.breakpoints import reached

log = structlog.get_logger(__name__)

EVERY = 1.0
"""Seconds between two beats."""

LEAST_MORE = timedelta(minutes=1)
MOST_MORE = timedelta(hours=1)
"""How much more time a lot gets at least, and at most, after a blind time; between them as long as it was."""

PROBE = "SELECT lot_id FROM auctions_bidding WHERE state IN (1, 2) ORDER BY due_at LIMIT 1"

GAP = "SELECT clock_timestamp() - max(at) FROM auctions_heartbeat"

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(9::bigint << 56)"

TOLD = "SELECT pg_advisory_xact_lock_shared(9::bigint << 56)"

NOTE = """
INSERT INTO auctions_outage (since, until, lots)
SELECT t.now - %(gap)s, t.now,
       (SELECT count(DISTINCT lot_id) FROM auctions_extension
         WHERE why = 'outage' AND at BETWEEN t.now - %(gap)s AND t.now)
  FROM (SELECT shigu_clock() AS now) AS t
"""

BEAT = """
WITH old AS (DELETE FROM auctions_heartbeat WHERE at < clock_timestamp() - interval '30 days')
INSERT INTO auctions_heartbeat (process, at) VALUES (%s, clock_timestamp())
ON CONFLICT (process) DO UPDATE SET at = excluded.at
"""

# Called with lots that the claim has locked. The time until now is as blind as no beat says otherwise.
SPARE = """
WITH dark AS MATERIALIZED (
  SELECT %(now)s - gap AS since, 'infinity'::timestamptz AS until, gap, NULL::bigint AS outage
    FROM (SELECT clock_timestamp() - max(at) AS gap FROM auctions_heartbeat) AS beats
   WHERE gap > %(outage)s
   UNION ALL
  SELECT since, until, until - since, id FROM auctions_outage
   WHERE until >= (SELECT min(closes_at) FROM auctions_bidding WHERE lot_id = ANY(%(lots)s::bigint[]))
), hit AS MATERIALIZED (
  SELECT b.lot_id, b.decisions, b.closes_at, max(d.outage) AS outage,
         %(now)s + greatest(make_interval(secs => s.soft_extension), %(least)s,
                            least(max(d.gap), %(most)s)) AS later
    FROM auctions_bidding b JOIN dark d ON d.since < b.closes_at AND b.closes_at <= d.until
    JOIN auctions_session s ON s.id = b.session_id
   WHERE b.lot_id = ANY(%(lots)s::bigint[])
   GROUP BY b.lot_id, s.soft_extension
), told AS (
  INSERT INTO auctions_extension (lot_id, after, at, met_end, closes_at, why)
  SELECT lot_id, decisions, %(now)s, closes_at, later, 'outage' FROM hit ORDER BY lot_id
), counted AS (
  UPDATE auctions_outage o SET lots = o.lots + n
    FROM (SELECT outage, count(*) AS n FROM hit WHERE outage IS NOT NULL GROUP BY outage) AS of
   WHERE o.id = of.outage
)
UPDATE auctions_bidding b SET closes_at = later, due_at = later, version = b.version + 1
  FROM hit WHERE b.lot_id = hit.lot_id RETURNING b.lot_id
"""


def beat(process: str) -> timedelta | None:
    """Say that `process` can take bids; how long nobody could before, where that was an outage."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(PROBE)
        gap = _outage()
        if gap:
            cursor.execute(ONE_AT_A_TIME)
            gap = _outage()  # whoever came first has told it
        if gap:
            values: dict[str, Any] = {"gap": gap}
            cursor.execute(NOTE, values)
            reached("auctions.beat.noted")
            log.warning("auctions.outage", seconds=round(gap.total_seconds()))
        cursor.execute(BEAT, [process])
    return gap


def spared(lot_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Of these due lots, locked by their claim, those that got more time because nobody could bid."""
    values: dict[str, Any] = {"lots": list(lot_ids), "now": now, "least": LEAST_MORE}
    values |= {"most": MOST_MORE, "outage": settings.AUCTION_OUTAGE}
    with connection.cursor() as cursor:
        cursor.execute(SPARE, values)
        found = sorted(lot for (lot,) in cursor.fetchall())
    if found:
        log.warning("auctions.spared", lots=len(found))
    return found


def told() -> None:
    """Outages that were over before now are on record, also the one that a beat is just writing.

    Called where a session ends, whose record tells those that were over by then: none may join them later.
    """
    with connection.cursor() as cursor:
        cursor.execute(TOLD)


def _outage() -> timedelta | None:
    with connection.cursor() as cursor:
        cursor.execute(GAP)
        [gap] = cursor.fetchone()
    return gap if gap is not None and gap > settings.AUCTION_OUTAGE else None


class Heart(threading.Thread):
    """Beats until the process ends. What keeps bids away keeps a beat away; it never raises."""

    def __init__(self) -> None:
        super().__init__(name="auctions.heart", daemon=True)
        self.process = f"{socket.gethostname()[:50]}:{os.getpid()}"
        self._stopping = threading.Event()
        self._told = ""

    def run(self) -> None:
        while not self._stopping.wait(EVERY):
            try:
                beat(self.process)
                self._told = ""
                viewing.views.flush()
            except DatabaseError as error:
                self._tell(type(error).__name__)
            finally:
                connection.close()

    def _tell(self, what: str) -> None:
        """Once for each trouble, not each second."""
        if what != self._told:
            log.warning("auctions.no_beat", error=what)
        self._told = what

    def stop(self) -> None:
        """Beat no more; back when the last one is done."""
        self._stopping.set()
        self.join()
