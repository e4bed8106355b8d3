"""A deposit counts toward the price: what the award promised is moved to sales when its order is paid.

`count_toward` is called where the orders of awards are settled, in that transaction, with their deposits
locked before. The amount was fixed at the award (`covering`), and the order's payable is so much less.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from shigu.auctions import waking
from shigu.auctions.models import Award
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move

SALES = account(Book.SALES)

# Several awards of one deposit may be paid together: summed, so that each row is written once.
NOTE = """
UPDATE auctions_deposit d SET applied = d.applied + v.amount
  FROM (SELECT deposit_id, sum(counted) AS amount FROM auctions_award
         WHERE id = ANY(%s::bigint[]) GROUP BY deposit_id) v
 WHERE d.id = v.deposit_id
"""


def count_toward(award_ids: Collection[int], *, now: datetime) -> None:
    """Move what counts of these awards, whose orders are paid just now; then their deposits are decided."""
    rows = Award.objects.filter(pk__in=award_ids, counted__gt=0, deposit__isnull=False)
    moves = [
        Move(Event.APPLY, pk, account(Book.DEPOSIT, deposit_id), SALES, counted)
        for pk, deposit_id, counted in rows.order_by("pk").values_list(
            "pk", "deposit_id", "counted"
        )
    ]
    if moves:
        posting.lock({move.debit for move in moves})
        posting.post(moves, at=now)
        with connection.cursor() as cursor:
            cursor.execute(NOTE, [[move.subject for move in moves]])
    waking.of_awards(award_ids, now=now)
