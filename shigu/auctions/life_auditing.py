"""What must be true of sessions, lots and awards at any moment, as queries that return the rows that break it.

The bids themselves are replayed elsewhere, by a model of its own. `shigu audit` runs all of them.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

INVARIANTS = [
    Invariant(
        number="9",
        title=_("an order from a lot and its award are one: buyer, price, what became of them"),
        sql="""
        SELECT o.id, o.number, o.status, a.id AS award, a.state, o.list_total, a.price, o.payable
          FROM orders_order o FULL JOIN auctions_award a ON a.order_id = o.id
         WHERE (o.origin = 'lot' OR a.id IS NOT NULL)
           AND (a.id IS NULL OR o.id IS NULL OR o.origin <> 'lot' OR a.user_id <> o.user_id
                OR a.price <> o.list_total OR a.pay_by <> o.pay_by
                OR o.payable <> a.price - a.counted - o.coupon_off
                OR a.state <> CASE o.status WHEN 0 THEN 0 WHEN 1 THEN 1 WHEN 3 THEN 2 ELSE 3 END
                OR (a.decided_at IS NULL) <> (a.state = 0))
        """,
    ),
    Invariant(
        number="9",
        title=_(
            "a lot is what its awards say: sold and paid ones have one that stands, others none"
        ),
        sql="""
        SELECT b.lot_id, b.state, b.price, b.hammer, l.reserve, a.pending, a.paid, a.overdue, a.first
          FROM auctions_bidding b JOIN auctions_lot l ON l.id = b.lot_id
         CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE state = 0) AS pending,
                      count(*) FILTER (WHERE state = 1) AS paid,
                      count(*) FILTER (WHERE state = 2) AS overdue,
                      count(*) FILTER (WHERE state = 3) AS cancelled,
                      count(*) FILTER (WHERE NOT second_chance) AS firsts,
                      max(price) FILTER (WHERE NOT second_chance) AS first,
                      max(user_id) FILTER (WHERE NOT second_chance) AS winner
                 FROM auctions_award WHERE lot_id = b.lot_id) a
         WHERE a.pending <> (b.state = 3)::int OR a.paid <> (b.state = 4)::int
            OR (b.state = 6 AND a.overdue + a.cancelled = 0)
            OR (b.state IN (0, 1, 2, 5) AND a.firsts > 0)
            OR a.firsts <> (b.hammer IS NOT NULL)::int
            OR (b.hammer IS NOT NULL AND (b.hammer <> b.price OR b.hammer <> a.first
                OR b.leader_id <> a.winner OR b.hammer < coalesce(l.reserve, 0)))
            OR (b.state IN (3, 4, 6) AND b.hammer IS NULL)
            OR (b.state = 5 AND b.price >= coalesce(l.reserve, 0))
        """,
    ),
    Invariant(
        number="9",
        title=_("a session's figures are the sums of its lots"),
        sql="""
        SELECT s.id, s.slug, s.open_lots, b.open, s.hammer_total, b.hammer, s.paid_total, p.paid
          FROM auctions_session s
         CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE state IN (1, 2)) AS open,
                      coalesce(sum(hammer), 0) AS hammer
                 FROM auctions_bidding WHERE session_id = s.id) b
         CROSS JOIN LATERAL (
               SELECT coalesce(sum(a.price) FILTER (WHERE a.state = 1), 0) AS paid
                 FROM auctions_award a JOIN auctions_lot l ON l.id = a.lot_id
                WHERE l.session_id = s.id) p
         WHERE s.open_lots <> b.open OR s.hammer_total <> b.hammer OR s.paid_total <> p.paid
        """,
    ),
    Invariant(
        number="9",
        title=_("states are not ahead of their times, and what is over is not due"),
        sql="""
        SELECT s.id AS session, b.lot_id, s.state, b.state AS lot_state, s.due_at, b.due_at AS lot_due,
               b.closes_at, b.ended_at
          FROM auctions_session s LEFT JOIN auctions_bidding b ON b.session_id = s.id
         WHERE (s.state = 2 AND s.preview_from > shigu_now())
            OR (s.state = 3 AND s.opens_at > shigu_now())
            OR (s.state IN (1, 2) AND s.due_at IS NULL)
            OR (s.state = 3 AND s.open_lots = 0 AND s.due_at IS NULL)
            OR (s.state IN (0, 4, 5) AND (s.due_at IS NOT NULL OR s.open_lots > 0))
            OR (s.state IN (4, 5)) <> (s.ended_at IS NOT NULL)
            OR (s.state = 0) <> (b.lot_id IS NULL)
            OR (b.state IN (1, 2) AND (b.due_at <> b.closes_at OR b.ended_at IS NOT NULL))
            OR (b.state > 2 AND b.ended_at IS NULL)
            OR (b.state IN (3, 4, 5, 6) AND b.ended_at < b.closes_at)
            OR b.ended_at < b.decided_at
        """,
    ),
    Invariant(
        number="9",
        title=_("whoever did not pay what they won was barred, once, and nobody else for an award"),
        sql="""
        SELECT a.id AS award, a.lot_id, a.user_id, a.state, n.id AS ban
          FROM auctions_award a LEFT JOIN auctions_ban n ON n.award_id = a.id
         WHERE (n.id IS NOT NULL) <> (a.state = 2 AND NOT a.second_chance)
            OR n.user_id <> a.user_id OR n.since <> a.decided_at
        """,
    ),
]
