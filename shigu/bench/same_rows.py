"""Every side writes exactly the same rows, or the benchmark fails: a side that writes less is faster.

`expired` and `placed` look at the tables after each run and raise `NotTheSame` with what is missing or
too much; `sound` runs the invariants of `shigu audit` on top, where a whole shop was at work.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection

from shigu.bench.bulk import Batch
from shigu.bench.errors import NotTheSame
from shigu.bench.world import ON_HAND, WELCOME
from shigu.kit.auditing import audits, offending
from shigu.ledger.models import Book

EXPIRED = """
WITH o AS MATERIALIZED (SELECT * FROM orders_order WHERE id BETWEEN %(first)s AND %(last)s),
     e AS MATERIALIZED (SELECT * FROM orders_orderevent WHERE order_id BETWEEN %(first)s AND %(last)s),
     t AS MATERIALIZED (SELECT * FROM ledger_transfer WHERE kind IN ('hold', 'release')
                           AND subject BETWEEN %(first)s AND %(last)s),
     b AS (SELECT f.balance AS free, h.balance AS held, coalesce(u.credits, 0) AS of_orders
             FROM accounts_user a
             LEFT JOIN ledger_account f ON f.id = (a.id << 8 | %(free)s)
             LEFT JOIN ledger_account h ON h.id = (a.id << 8 | %(held)s)
             LEFT JOIN (SELECT user_id, sum(credits) AS credits FROM orders_order WHERE status = 0
                         GROUP BY user_id) u ON u.user_id = a.id)
SELECT what, found, expected FROM (VALUES
  ('orders expired', (SELECT count(*) FROM o WHERE status = 3 AND due_at IS NULL
     AND ended_at >= pay_by AND settled_at IS NULL AND round = 0), %(orders)s),
  ('history rows of expiry, at the order''s end', (SELECT count(*) FROM o JOIN e ON e.order_id = o.id
     WHERE e.was = 0 AND e.status = 3 AND e.why = 'time' AND e.by_id IS NULL AND e.at = o.ended_at),
   %(orders)s),
  ('orders with history', (SELECT count(DISTINCT order_id) FROM e WHERE was = 0), %(orders)s),
  ('history rows', (SELECT count(*) FROM e), 2 * %(orders)s),
  ('notices, one for each channel', (SELECT count(*) FROM o JOIN notices_notice n ON n.subject = o.id
     WHERE n.event = 'order.lapsed' AND n.user_id = o.user_id AND n.round = o.round
       AND n.at = o.ended_at AND (n.facts ->> 'pay_by')::timestamptz = o.pay_by
       AND (n.channel, n.state, n.due_at) IS NOT DISTINCT FROM
           CASE n.channel WHEN 'mail' THEN ('mail'::varchar, 'waiting'::varchar, o.ended_at)
                          ELSE ('inbox'::varchar, 'kept'::varchar, NULL::timestamptz) END), 2 * %(orders)s),
  ('notices', (SELECT count(*) FROM notices_notice WHERE subject BETWEEN %(first)s AND %(last)s),
   3 * %(orders)s),
  ('lines', (SELECT count(*) FROM orders_orderline WHERE order_id BETWEEN %(first)s AND %(last)s),
   %(lines)s * %(orders)s),
  ('pieces held', (SELECT sum(abs(held)) FROM catalogue_stock), (SELECT coalesce(sum(l.quantity), 0)
     FROM orders_orderline l JOIN orders_order u ON u.id = l.order_id WHERE u.status = 0)),
  ('coupons unused again', (SELECT count(*) FROM o JOIN promotions_grant g ON g.id = o.grant_id
     WHERE g.user_id = o.user_id AND g.state = 'unused' AND g.due_at = g.valid_until
       AND g.order_id IS NULL AND g.used_at IS NULL), (SELECT count(grant_id) FROM o)),
  ('coupons held', (SELECT count(*) FROM promotions_grant WHERE state = 'held'),
     (SELECT count(grant_id) FROM orders_order WHERE status = 0)),
  ('credits released, at the order''s end', (SELECT count(*) FROM o JOIN t ON t.subject = o.id
     WHERE t.kind = 'release' AND t.nth = o.round AND t.amount = o.credits AND t.at = o.ended_at
       AND t.debit = (o.user_id << 8 | %(held)s) AND t.credit = (o.user_id << 8 | %(free)s)
       AND t.by_id IS NULL AND t.note = ''), (SELECT count(*) FROM o WHERE credits > 0)),
  ('transfers', (SELECT count(*) FROM t), (SELECT 2 * count(*) FROM o WHERE credits > 0)),
  ('accounts with another balance', (SELECT count(*) FROM b WHERE held <> of_orders
     OR free + of_orders <> %(welcome)s), 0),
  ('SKUs whose other counts moved', (SELECT count(*) FROM catalogue_stock
     WHERE on_hand <> %(on_hand)s OR sold <> 0), 0)
) AS checks(what, found, expected) WHERE found IS DISTINCT FROM expected
"""

PLACED = """
SELECT what, found, expected FROM (VALUES
  ('orders', (SELECT count(*) FROM orders_order o JOIN catalogue_sku s ON s.id = %(sku)s
     WHERE o.status = 0 AND o.round = 0 AND o.list_total = s.price AND o.payable = s.price
       AND o.pay_by = o.placed_at + %(window)s AND o.due_at = o.pay_by
       AND o.remind_at = o.pay_by - %(before)s AND o.sent_to <> ''
       AND o.grant_id IS NULL AND (o.coupon_off, o.credits, o.credits_off, o.earned) = (0, 0, 0, 0)
       AND NOT o.hidden AND o.settled_at IS NULL AND o.ended_at IS NULL
       AND o.number = to_char(o.placed_at AT TIME ZONE %(zone)s, 'YYYYMMDD')
           || lpad(o.user_id::text, greatest(4, length(o.user_id::text)), '0')
           || lpad(o.id::text, greatest(6, length(o.id::text)), '0')), %(orders)s),
  ('orders at all', (SELECT count(*) FROM orders_order), %(orders)s),
  ('different keys', (SELECT count(DISTINCT (user_id, key)) FROM orders_order), %(orders)s),
  ('lines', (SELECT count(*) FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id
     JOIN catalogue_sku s ON s.id = l.sku_id JOIN catalogue_product p ON p.id = s.product_id
     WHERE s.id = %(sku)s AND l.product_id = p.id AND l.kind = p.kind
       AND (l.name_zh, l.name_en, l.label_zh, l.label_en)
         = (p.name_zh, p.name_en, s.label_zh, s.label_en)
       AND l.validity_days IS NOT DISTINCT FROM s.validity_days AND l.quantity = 1 AND l.reason = ''
       AND (l.coupon_off, l.credits, l.credits_off) = (0, 0, 0) AND NOT l.is_renewal
       AND (l.activity_zh, l.activity_en) = ('', '')
       AND l.unit_price = s.price AND l.price = s.price AND l.payable = s.price), %(orders)s),
  ('lines at all', (SELECT count(*) FROM orders_orderline), %(orders)s),
  ('history rows', (SELECT count(*) FROM orders_order o JOIN orders_orderevent e ON e.order_id = o.id
     WHERE e.was IS NULL AND e.status = 0 AND e.why = 'placed' AND e.by_id = o.user_id
       AND e.at = o.placed_at), %(orders)s),
  ('history rows at all', (SELECT count(*) FROM orders_orderevent), %(orders)s),
  ('notices, one for each channel', (SELECT count(*) FROM orders_order o
     JOIN notices_notice n ON n.subject = o.id WHERE n.event = 'order.placed'
       AND n.user_id = o.user_id AND n.round = 0 AND n.at = o.placed_at
       AND (n.facts ->> 'pay_by')::timestamptz = o.pay_by
       AND (n.channel, n.state, n.due_at) IS NOT DISTINCT FROM
           CASE n.channel WHEN 'mail' THEN ('mail'::varchar, 'waiting'::varchar, o.placed_at)
                          ELSE ('inbox'::varchar, 'kept'::varchar, NULL::timestamptz) END), 2 * %(orders)s),
  ('notices', (SELECT count(*) FROM notices_notice), 2 * %(orders)s),
  ('pieces held', (SELECT held FROM catalogue_stock WHERE sku_id = %(sku)s), %(orders)s),
  ('pieces held at all', (SELECT sum(held) FROM catalogue_stock), %(orders)s),
  ('pieces oversold', (SELECT count(*) FROM catalogue_stock
     WHERE held > on_hand OR on_hand <> %(on_hand)s OR sold <> 0), 0)
) AS checks(what, found, expected) WHERE found IS DISTINCT FROM expected
"""


def expired(side: str, batch: Batch) -> None:
    """All of `batch` ended in time's name and gave everything back, once, and nothing else moved."""
    values = {"first": batch.first, "last": batch.last, "orders": batch.orders}
    values |= {"free": Book.CREDITS.value, "held": Book.CREDITS_HELD.value, "welcome": WELCOME}
    _expect(side, EXPIRED, values | {"lines": batch.lines, "on_hand": ON_HAND})


def placed(side: str, *, orders: int, sku: int) -> None:
    """Exactly so many orders of one piece of `sku` stand, whole, and hold their pieces."""
    values = {"orders": orders, "sku": sku, "window": settings.PAY_WINDOW, "on_hand": ON_HAND}
    values |= {"before": settings.REMIND_BEFORE}
    _expect(side, PLACED, values | {"zone": settings.TIME_ZONE})


def sound(side: str) -> None:
    """What the audit promises holds: of orders, stock, coupons, credits and money."""
    for invariant in audits:
        if rows := offending(invariant, most=3):
            raise NotTheSame(f"{side}: {invariant.title}: broken by {rows}")


def _expect(side: str, query: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        wrong = cursor.fetchall()
    if wrong:
        words = "; ".join(f"{what}: {found}, not {expected}" for what, found, expected in wrong)
        raise NotTheSame(f"{side} did not write what every side has to write: {words}")
