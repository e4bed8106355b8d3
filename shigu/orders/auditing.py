"""What must be true of orders, stock and credits at any moment, as queries that return the rows that break it.

Numbers are those of the design's list of invariants; `shigu audit` runs them.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.ledger.models import Book

INVARIANTS = [
    Invariant(
        number="1",
        title=_("held pieces are those of unpaid orders"),
        sql="""
        SELECT s.sku_id, s.held, coalesce(o.pieces, 0) AS in_unpaid_orders
          FROM catalogue_stock s
          LEFT JOIN (SELECT l.sku_id, sum(l.quantity) AS pieces
                       FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
                      WHERE o.status = 0 AND l.kind = 'goods' GROUP BY l.sku_id) o USING (sku_id)
         WHERE s.held <> coalesce(o.pieces, 0)
        """,
    ),
    Invariant(
        number="1",
        title=_("sold pieces are those of paid orders, and of refunded ones that were shipped"),
        sql="""
        SELECT s.sku_id, s.sold, coalesce(o.pieces, 0) AS in_paid_orders
          FROM catalogue_stock s
          LEFT JOIN (SELECT l.sku_id, sum(l.quantity) AS pieces
                       FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
                       LEFT JOIN orders_shipment p ON p.order_id = o.id
                      WHERE l.kind = 'goods'
                        AND (o.status = 1 OR (o.status = 4 AND p.shipped_at IS NOT NULL))
                      GROUP BY l.sku_id) o USING (sku_id)
         WHERE s.sold <> coalesce(o.pieces, 0)
        """,
    ),
    Invariant(
        number="1",
        title=_("pieces on hand are the sum of their movements"),
        sql="""
        SELECT s.sku_id, s.on_hand, coalesce(m.pieces, 0) AS by_movements
          FROM catalogue_stock s
          LEFT JOIN (SELECT sku_id, sum(pieces) AS pieces FROM catalogue_stockmovement
                      GROUP BY sku_id) m USING (sku_id)
         WHERE s.on_hand <> coalesce(m.pieces, 0)
        """,
    ),
    Invariant(
        number="2",
        title=_(
            "a held coupon belongs to the one unpaid order that names it, a used one to a paid one"
        ),
        sql="""
        SELECT g.id AS "grant", g.state, g.order_id, o.number, o.status, o.grant_id AS named
          FROM promotions_grant g LEFT JOIN orders_order o ON o.id = g.order_id
         WHERE g.id BETWEEN %(first)s AND %(last)s AND g.state IN ('held', 'used')
           AND (o.id IS NULL OR o.grant_id IS DISTINCT FROM g.id OR o.user_id <> g.user_id
                OR o.status <> CASE g.state WHEN 'held' THEN 0 ELSE 1 END)
        """,
        table="promotions_grant",
    ),
    Invariant(
        number="2",
        title=_(
            "an unpaid order holds its coupon, a paid one used it, an ended one has given it back"
        ),
        sql="""
        SELECT o.id, o.number, o.status, o.grant_id, g.state, g.order_id AS taken_by
          FROM orders_order o LEFT JOIN promotions_grant g ON g.id = o.grant_id
         WHERE o.id BETWEEN %(first)s AND %(last)s AND o.grant_id IS NOT NULL
           AND CASE o.status
                 WHEN 0 THEN g.state IS DISTINCT FROM 'held' OR g.order_id IS DISTINCT FROM o.id
                 WHEN 1 THEN g.state IS DISTINCT FROM 'used' OR g.order_id IS DISTINCT FROM o.id
                 ELSE g.order_id IS NOT DISTINCT FROM o.id END
        """,
        table="orders_order",
    ),
    Invariant(
        number="4",
        title=_("a paid order was settled by exactly its payable"),
        sql="""
        SELECT o.id, o.number, o.payable, coalesce(a.amount, 0) AS applied, coalesce(a.n, 0) AS attempts
          FROM orders_order o
          LEFT JOIN (SELECT subject_id, sum(amount) AS amount, count(*) AS n
                       FROM payments_attempt WHERE purpose = 'order' AND money = 'applied'
                      GROUP BY subject_id) a ON a.subject_id = o.id
         WHERE (o.status IN (1, 4) AND (coalesce(a.amount, 0) <> o.payable OR coalesce(a.n, 0) > 1))
            OR (o.status NOT IN (1, 4) AND a.n IS NOT NULL)
        """,
    ),
    Invariant(
        number="4",
        title=_("paid goods have exactly one shipment, unpaid ones none"),
        sql="""
        SELECT o.id, o.number, o.status, s.order_id AS shipment
          FROM orders_order o
          LEFT JOIN orders_shipment s ON s.order_id = o.id
         WHERE (s.order_id IS NOT NULL)
            <> (o.status IN (1, 4)
                AND EXISTS (SELECT 1 FROM orders_orderline l
                             WHERE l.order_id = o.id AND l.kind IN ('goods', 'lot')))
        """,
    ),
    Invariant(
        number="4",
        title=_("line payables add up to the order's"),
        sql="""
        SELECT o.id, o.number, o.payable, sum(l.payable) AS lines
          FROM orders_order o LEFT JOIN orders_orderline l ON l.order_id = o.id
         GROUP BY o.id HAVING o.payable <> coalesce(sum(l.payable), 0)
        """,
    ),
    Invariant(
        number="4",
        title=_("an order's last history row says what its status is"),
        sql="""
        SELECT o.id, o.number, o.status, e.status AS by_history
          FROM orders_order o
          LEFT JOIN LATERAL (SELECT status FROM orders_orderevent WHERE order_id = o.id
                              ORDER BY id DESC LIMIT 1) e ON true
         WHERE e.status IS DISTINCT FROM o.status
        """,
    ),
    Invariant(
        number="3",
        title=_("credits that a person has held are those of their unpaid orders"),
        sql="""
        SELECT user_id, coalesce(h.balance, 0) AS held, coalesce(o.credits, 0) AS in_unpaid_orders
          FROM (SELECT id >> 8 AS user_id, balance FROM ledger_account
                 WHERE id & 255 = %(held)s) h
          FULL JOIN (SELECT user_id, sum(credits) AS credits FROM orders_order
                      WHERE status = 0 AND credits > 0 GROUP BY user_id) o USING (user_id)
         WHERE coalesce(h.balance, 0) <> coalesce(o.credits, 0)
        """,
        params={"held": Book.CREDITS_HELD},
    ),
    Invariant(
        number="3",
        title=_("credits that moved for an order are its buyer's"),
        sql="""
        SELECT t.id, t.kind, t.subject AS order_id, o.number, t.debit, t.credit, t.amount
          FROM ledger_transfer t LEFT JOIN orders_order o ON o.id = t.subject
         WHERE t.id BETWEEN %(first)s AND %(last)s
           AND t.kind IN ('hold', 'release', 'spend', 'earn', 'give-back', 'take-back')
           AND (o.id IS NULL
                OR t.debit >> 8 NOT IN (0, o.user_id) OR t.credit >> 8 NOT IN (0, o.user_id))
        """,
        table="ledger_transfer",
    ),
    Invariant(
        number="4",
        title=_("an unpaid order holds its credits, every other order none"),
        sql="""
        SELECT o.id, o.number, o.status, o.credits, coalesce(t.held, 0) AS held
          FROM orders_order o
          LEFT JOIN (SELECT subject, sum(amount * ((credit & 255 = %(held)s)::int
                                                   - (debit & 255 = %(held)s)::int)) AS held
                       FROM ledger_transfer
                      WHERE kind IN ('hold', 'release', 'spend')
                        AND subject BETWEEN %(first)s AND %(last)s
                      GROUP BY subject) t ON t.subject = o.id
         WHERE o.id BETWEEN %(first)s AND %(last)s
           AND coalesce(t.held, 0) <> CASE WHEN o.status = 0 THEN o.credits ELSE 0 END
        """,
        params={"held": Book.CREDITS_HELD},
        table="orders_order",
    ),
    Invariant(
        number="4",
        title=_("a paid order spent and earned its credits once, a refunded one has them back"),
        sql="""
        WITH t AS (
          SELECT subject, sum(amount) FILTER (WHERE kind = 'spend') AS spent,
                 sum(amount) FILTER (WHERE kind = 'earn') AS earned,
                 sum(amount) FILTER (WHERE kind = 'give-back') AS given_back,
                 sum(amount) FILTER (WHERE kind = 'take-back') AS taken_back,
                 count(*) AS transfers
            FROM ledger_transfer
           WHERE kind IN ('spend', 'earn', 'give-back', 'take-back')
             AND subject BETWEEN %(first)s AND %(last)s
           GROUP BY subject
        )
        SELECT o.id, o.number, o.status, o.credits, o.earned AS to_earn, t.*
          FROM orders_order o LEFT JOIN t ON t.subject = o.id
         WHERE o.id BETWEEN %(first)s AND %(last)s
           AND (t.transfers > num_nonnulls(t.spent, t.earned, t.given_back, t.taken_back)
                OR coalesce(t.spent, 0) <> CASE WHEN o.status IN (1, 4) THEN o.credits ELSE 0 END
                OR coalesce(t.earned, 0) <> CASE WHEN o.status IN (1, 4) THEN o.earned ELSE 0 END
                OR coalesce(t.given_back, 0) <> CASE WHEN o.status = 4 THEN o.credits ELSE 0 END
                OR t.taken_back > CASE WHEN o.refunding_at IS NULL THEN 0 ELSE o.earned END)
        """,
        table="orders_order",
    ),
]
