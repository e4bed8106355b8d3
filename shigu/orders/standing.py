"""How an order stands for its buyer, as one word: `standings(ids)`; the pages and the event stream share it.

    unpaid · paid, to_ship, shipped · refunding · refunded · cancelled, expired
    cancelled_returning, cancelled_returned, expired_returning, expired_returned: money came in vain

One statement for many orders. It is plain SQL because the event stream runs without models.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

STANDINGS = """
SELECT o.id, o.number,
       CASE WHEN o.status = 0 THEN 'unpaid'
            WHEN o.status = 4 THEN 'refunded'
            WHEN o.status = 1 AND o.refunding_at IS NOT NULL THEN 'refunding'
            WHEN o.status = 1 AND s.shipped_at IS NOT NULL THEN 'shipped'
            WHEN o.status = 1 AND s.order_id IS NOT NULL THEN 'to_ship'
            WHEN o.status = 1 THEN 'paid'
            ELSE CASE o.status WHEN 2 THEN 'cancelled' ELSE 'expired' END || COALESCE(
              (SELECT CASE WHEN bool_and(r.state = 'sent') THEN '_returned' ELSE '_returning' END
                 FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id
                WHERE a.purpose = 'order' AND a.subject_id = o.id
               HAVING count(*) > 0), '')
       END AS standing
  FROM orders_order o LEFT JOIN orders_shipment s ON s.order_id = o.id
 WHERE o.id = ANY(%s::bigint[])
"""

MOVING = ("unpaid", "refunding", "cancelled_returning", "expired_returning")
"""Standings that change without their buyer: worth watching."""


class Standing(NamedTuple):
    """One order's word."""

    order_id: int
    number: str
    word: str

    @property
    def is_moving(self) -> bool:
        """Will it change by itself?"""
        return self.word in MOVING


def standings(order_ids: Collection[int]) -> dict[int, Standing]:
    """How each of these orders stands, by its id; one query."""
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, [list(order_ids)])
        return {row[0]: Standing(*row) for row in cursor.fetchall()}
