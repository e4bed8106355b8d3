"""What is forfeited of a deposit: one transfer from its own account to the house's, once per award.

How much, and when, is `deciding_deposits`' to say. Nothing of it is ever changed; an operator who gives it
back books the same the other way (`reversing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from shigu.kit.money import Fen
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move

FORFEITED = account(Book.FORFEITED)


@dataclass(frozen=True, slots=True)
class Forfeit:
    """So much of a deposit, for one award that was not paid."""

    award_id: int
    deposit_id: int
    amount: Fen


NOTE = """
UPDATE auctions_award a SET forfeited = v.amount
  FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, amount) WHERE a.id = v.id
"""


def forfeit(forfeits: Sequence[Forfeit], *, now: datetime) -> None:
    """Take these; their deposits are locked, and nobody else writes an award that is decided."""
    if not forfeits:
        return
    posting.lock({account(Book.DEPOSIT, one.deposit_id) for one in forfeits})
    posting.post([_move(one) for one in forfeits], at=now)
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [[f.award_id for f in forfeits], [f.amount for f in forfeits]])


def _move(one: Forfeit) -> Move:
    held = account(Book.DEPOSIT, one.deposit_id)
    return Move(Event.FORFEIT, one.award_id, held, FORFEITED, one.amount)
