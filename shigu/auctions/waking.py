"""Something happened to a lot: the deposits it concerns are to be decided, now.

Whoever closes, withdraws or ends something, or decides an award, says so here in that same transaction.
Nothing is decided by it: the clock does that, under each deposit's own lock, and reads again what holds
then. A deposit that is being paid or decided at this moment is waited for, so no outcome is ever missed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from shigu import clock

# Pending ones too: one that is being paid right now is held when its lock is free.
WAKE = """
WITH l AS MATERIALIZED (
  SELECT id FROM auctions_deposit WHERE state IN (0, 1) AND {those} ORDER BY id FOR NO KEY UPDATE
)
UPDATE auctions_deposit d SET decide_at = %(now)s FROM l WHERE d.id = l.id
"""
OF_LOTS = WAKE.format(those="lot_id = ANY(%(ids)s::bigint[])")
OF_SESSIONS = WAKE.format(those="session_id = ANY(%(ids)s::bigint[])")
# Which deposit covers an award never changes, so it may be read in the statement that waits.
OF_AWARDS = WAKE.format(
    those="id IN (SELECT deposit_id FROM auctions_award WHERE id = ANY(%(ids)s::bigint[]))"
)


def of_lots(lot_ids: Collection[int], *, now: datetime) -> int:
    """These lots closed, or were withdrawn; how many deposits for them alone are to be decided."""
    return _wake(OF_LOTS, lot_ids, now)


def of_sessions(session_ids: Collection[int], *, now: datetime) -> int:
    """These sessions ended, or were withdrawn with all their lots; how many deposits there are."""
    return _wake(OF_SESSIONS, session_ids, now)


def of_awards(award_ids: Collection[int], *, now: datetime) -> int:
    """These awards were paid, not paid in time, or taken back; how many deposits covered them."""
    return _wake(OF_AWARDS, award_ids, now)


def _wake(sql: str, ids: Collection[int], now: datetime) -> int:
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(ids), "now": now})
        count = int(cursor.rowcount)
    clock.hint("auctions.decide_deposits")
    return count
