"""What somebody paid and got back, newest first: `Movements(user_id)`, a list that is read page by page.

Only money that was decided: a cashier that was opened and left is nobody's spending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import overload

from django.db import connection

from shigu.kit.money import Fen
from shigu.payments.models import Attempt, Refund

NEWEST = """
SELECT attempt, refund, at FROM (
  SELECT a.id AS attempt, NULL::bigint AS refund, a.decided_at AS at
    FROM payments_attempt a WHERE a.user_id = %(user)s AND a.state = 'paid'
  UNION ALL
  SELECT a.id, r.id, r.started_at
    FROM payments_attempt a JOIN payments_refund r ON r.attempt_id = a.id WHERE a.user_id = %(user)s
) moved ORDER BY at DESC, refund DESC NULLS LAST, attempt DESC OFFSET %(first)s LIMIT %(most)s
"""
COUNT = """
SELECT (SELECT count(*) FROM payments_attempt a WHERE a.user_id = %(user)s AND a.state = 'paid')
     + (SELECT count(*) FROM payments_attempt a JOIN payments_refund r ON r.attempt_id = a.id
         WHERE a.user_id = %(user)s)
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """A payment or, with a refund, money on its way back; `at` is when that was decided."""

    attempt: Attempt
    refund: Refund | None
    at: datetime

    @property
    def amount(self) -> Fen:
        """In fen, from the buyer's side: below zero is spent."""
        return self.refund.amount if self.refund else -self.attempt.amount


@dataclass
class Movements(Sequence[Movement]):
    """All movements of one buyer; a slice costs three queries, the length one."""

    user_id: int

    @cached_property
    def _count(self) -> int:
        return int(self._ask(COUNT)[0][0])

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, wanted: int) -> Movement: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[Movement]: ...

    def __getitem__(self, wanted: int | slice) -> Movement | list[Movement]:
        if isinstance(wanted, int):
            return self._read(range(len(self))[wanted], 1)[0]
        first, last, step = wanted.indices(len(self))
        return self._read(first, max(last - first, 0))[::step]

    def _read(self, first: int, most: int) -> list[Movement]:
        rows = self._ask(NEWEST, first=first, most=most)
        attempts = Attempt.objects.in_bulk({row[0] for row in rows})
        refunds = Refund.objects.in_bulk({row[1] for row in rows if row[1]})
        return [Movement(attempts[pk], refunds.get(refund), at) for pk, refund, at in rows]

    def _ask(self, query: str, **values: int) -> list[tuple[int, int, datetime]]:
        with connection.cursor() as cursor:
            cursor.execute(query, {"user": self.user_id, **values})
            return list(cursor.fetchall())
