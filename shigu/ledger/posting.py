"""The one place that writes the ledger: `lock` accounts, look, then `post` all moves of a transaction.

Accounts are locked in pk order, after whatever the caller locked above them and before any SKU. A move
that was posted before breaks `transfer_once`, one that somebody cannot afford `account_not_below_zero`:
either takes the whole transaction back, so callers look first and the constraints are the last line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from shigu.kit.breakpoints import reached
from shigu.ledger.models import HOUSE, Event


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer to be: `amount` > 0 in the unit of both accounts. See `models.Transfer`."""

    kind: Event
    subject: int
    debit: int
    credit: int
    amount: int
    nth: int = 0
    by: int | None = None
    note: str = ""


LOCK = """
SELECT a.id, a.balance FROM ledger_account a
 WHERE a.id = ANY(%(ids)s)
   AND (SELECT count(*) FROM ledger_account WHERE id = ANY(%(ids)s)) = %(many)s
 ORDER BY a.id FOR NO KEY UPDATE
"""
"""All of them or, where one is missing, none."""

OPEN = """
INSERT INTO ledger_account (id, balance) SELECT id, 0 FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id
ON CONFLICT DO NOTHING
"""
MOVES = """
SELECT * FROM unnest(%(kind)s::text[], %(subject)s::bigint[], %(nth)s::smallint[], %(debit)s::bigint[],
                     %(credit)s::bigint[], %(amount)s::bigint[], %(by)s::bigint[], %(note)s::text[])
  WITH ORDINALITY AS t(kind, subject, nth, debit, credit, amount, by_id, note, place)
"""
POST = """
WITH t AS MATERIALIZED ({source}), written AS (
  INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, by_id, note)
  SELECT kind, subject, nth, debit, credit, amount, %(at)s, by_id, note FROM t ORDER BY place
), d AS MATERIALIZED (
  SELECT id, sum(delta)::bigint AS delta
    FROM (SELECT debit, -amount FROM t UNION ALL SELECT credit, amount FROM t) AS x(id, delta)
   WHERE id & %(house)s = 0 GROUP BY id
), l AS MATERIALIZED (
  SELECT a.id FROM ledger_account a WHERE a.id IN (SELECT id FROM d) ORDER BY a.id FOR NO KEY UPDATE
), changed AS (
  UPDATE ledger_account a SET balance = a.balance + d.delta FROM d JOIN l USING (id) WHERE a.id = d.id
  RETURNING a.id
)
SELECT array_agg(id) FROM d WHERE id NOT IN (SELECT id FROM changed)
"""


def lock(accounts: Collection[int]) -> dict[int, int]:
    """Balances of these accounts, locked in pk order; an account that nobody used yet is opened."""
    wanted = sorted(set(accounts))
    if not wanted:
        return {}
    found = _locked(wanted)
    if len(found) < len(wanted):
        # Nothing is locked yet: to open a low account while holding a higher one would be a circle.
        reached("ledger.lock.opening")
        with connection.cursor() as cursor:
            cursor.execute(OPEN, {"ids": wanted})
        found = _locked(wanted)
    return found


def _locked(accounts: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"ids": accounts, "many": len(accounts)})
        return dict(cursor.fetchall())


def post(moves: Sequence[Move], *, at: datetime) -> None:
    """Write these transfers and what they do to people's accounts, which exist (see `lock`).

    IntegrityError for an event posted before, for a balance below zero, for two units in one move.
    """
    if not moves:
        return
    names = ("subject", "nth", "debit", "credit", "amount", "by", "note")
    columns = {name: [getattr(move, name) for move in moves] for name in names}
    post_from(MOVES, {**columns, "kind": [str(move.kind) for move in moves]}, at=at)


def post_from(source: str, values: Mapping[str, Any], *, at: datetime) -> None:
    """The same for the moves that `source` selects, as columns named like those of `MOVES`."""
    with connection.cursor() as cursor:
        cursor.execute(POST.format(source=source), {**values, "at": at, "house": HOUSE})
        if missing := cursor.fetchone()[0]:
            raise LookupError(f"the accounts {missing} were not opened")


def balances(accounts: Collection[int]) -> dict[int, int]:
    """What these accounts hold as seen now, without a lock: for pages, never for a decision."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, balance FROM ledger_account WHERE id = ANY(%s)", [list(accounts)]
        )
        found = dict(cursor.fetchall())
    return {pk: found.get(pk, 0) for pk in accounts}
