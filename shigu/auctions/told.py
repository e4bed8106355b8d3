"""Proof that bidders were told: each award, its lapse or taking back, each forfeit has its notice, once.

As `orders.told`, from the moment on at which notices exist here and none has been forgotten.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.notices.auditing import KEEPS

INVARIANTS = [
    Invariant(
        number="8",
        title=_("everybody who won a lot, lost it again or lost a deposit for it was told so"),
        sql=f"""
        WITH since AS MATERIALIZED (SELECT {KEEPS} AS at),
        happened AS (
          SELECT id, user_id, at,
                 CASE WHEN second_chance THEN 'lot.offered' ELSE 'lot.won' END AS event
            FROM auctions_award WHERE id BETWEEN %(first)s AND %(last)s
           UNION ALL
          SELECT id, user_id, decided_at, 'lot.lapsed'
            FROM auctions_award WHERE id BETWEEN %(first)s AND %(last)s AND state = 2
           UNION ALL
          SELECT a.id, a.user_id, decided_at, 'lot.taken-back'
            FROM auctions_award a JOIN orders_order o ON o.id = a.order_id AND o.status = 2
           WHERE a.id BETWEEN %(first)s AND %(last)s AND a.state = 3
             AND NOT EXISTS (SELECT FROM orders_orderevent e
                              WHERE (e.order_id, e.status, e.by_id) = (o.id, 2, a.user_id))
           UNION ALL
          SELECT id, user_id, decided_at, 'deposit.forfeited'
            FROM auctions_award WHERE id BETWEEN %(first)s AND %(last)s AND forfeited > 0
        )
        SELECT h.id, h.user_id, h.event FROM happened h CROSS JOIN since
         WHERE h.at > since.at
           AND NOT EXISTS (SELECT FROM notices_notice n
                            WHERE (n.subject, n.event, n.user_id, n.channel)
                                = (h.id, h.event, h.user_id, 'inbox'))
        """,
        table="auctions_award",
    ),
]
