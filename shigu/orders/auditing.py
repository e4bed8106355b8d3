"""What must be true of orders and stock at any moment, as queries that return the rows that break it.

Numbers are those of the design's list of invariants; `shigu audit` runs them.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant

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
                             WHERE l.order_id = o.id AND l.kind = 'goods'))
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
]
