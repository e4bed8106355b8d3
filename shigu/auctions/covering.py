"""Which deposit covers a lot for somebody, and what of it will count toward the price.

`covering(winners)` answers for many lots at once, under the locks of whoever awards them. A lot's own deposit
goes before the session's. Where deposits count, what a lot may take is fixed here, at the award: its share,
less whatever the lots before it may still forfeit, so that no forfeit ever eats what was promised to a price.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from shigu.kit.money import Fen


@dataclass(frozen=True, slots=True)
class Winner:
    """A lot, who gets it, and at what price in fen."""

    lot_id: int
    user_id: int
    price: Fen


@dataclass(frozen=True, slots=True)
class Cover:
    """The deposit that covers a lot, and how much of it counts toward the price once that is paid."""

    deposit_id: int
    counted: Fen


# Shares of lots awarded before, decided or not: the most that they may ever take.
FIND = """
SELECT w.lot_id, w.price, d.id, s.deposit_counts,
       CASE WHEN d.lot_id IS NULL THEN l.deposit ELSE d.amount END,
       d.amount - coalesce((SELECT sum(m.deposit) FROM auctions_award a JOIN auctions_lot m ON m.id = a.lot_id
                             WHERE a.deposit_id = d.id), 0)
  FROM unnest(%(lots)s::bigint[], %(users)s::bigint[], %(prices)s::bigint[]) AS w(lot_id, user_id, price)
  JOIN auctions_lot l ON l.id = w.lot_id
  JOIN auctions_session s ON s.id = l.session_id
 CROSS JOIN LATERAL (
       SELECT id, lot_id, amount FROM auctions_deposit
        WHERE user_id = w.user_id AND state = 1 AND session_id = l.session_id
          AND (lot_id = l.id OR lot_id IS NULL)
        ORDER BY lot_id NULLS LAST LIMIT 1) d
 WHERE l.deposit > 0
 ORDER BY w.lot_id
"""


def covering(winners: Collection[Winner]) -> dict[int, Cover]:
    """The cover of each of these lots by its id; lots that ask for no deposit have none.

    They are awarded together, with one deadline, so that among them the lot's id is the order.
    """
    columns = {
        "lots": [one.lot_id for one in winners],
        "users": [one.user_id for one in winners],
        "prices": [one.price for one in winners],
    }
    with connection.cursor() as cursor:
        cursor.execute(FIND, columns)
        rows = cursor.fetchall()
    found: dict[int, Cover] = {}
    taken: dict[int, Fen] = {}
    for lot_id, price, deposit_id, counts, share, free in rows:
        room = max(0, min(share, int(free) - taken.get(deposit_id, 0)))
        taken[deposit_id] = taken.get(deposit_id, 0) + share
        found[lot_id] = Cover(deposit_id, min(room, price) if counts else 0)
    return found
