"""Unpaid orders by the thousand, written by SQL, with all that they hold: pieces, coupons, credits.

Three orders of ten have a coupon, three have credits, and one of them both. What is written satisfies
every invariant of the audit, like the rows of a shop. Names: `unpaid`, and the `Batch` it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from shigu.bench.world import ADDRESS, COUPON_OFF, World
from shigu.ledger.models import Book
from shigu.orders import credits

CREDITS = 10
"""What an order that uses credits holds."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders written together: ids `first` to `last`, `lines` lines each."""

    first: int
    last: int
    lines: int

    @property
    def orders(self) -> int:
        return self.last - self.first + 1


# The first line takes the coupon and the credits; the buyer moves on by one each time all had a turn.
WANTED = """
SELECT n, place, 1 + (n + place) %% 2 AS quantity, s.id AS sku_id, s.price, s.label_zh, s.label_en,
       p.id AS product_id, p.name_zh, p.name_en,
       CASE WHEN place = 0 AND n %% 10 IN (0, 1, 2) THEN %(coupon_off)s ELSE 0 END AS coupon_off,
       CASE WHEN place = 0 AND n %% 10 IN (2, 3, 4) THEN %(credits)s ELSE 0 END AS credits,
       CASE WHEN place = 0 AND n %% 10 IN (2, 3, 4) THEN %(worth)s ELSE 0 END AS credits_off,
       (%(people)s::bigint[])[1 + (n * 7919 + n / cardinality(%(people)s::bigint[]))
                                  %% cardinality(%(people)s::bigint[])] AS user_id
  FROM generate_series(0::bigint, %(orders)s - 1) AS n CROSS JOIN generate_series(0, %(lines)s - 1) AS place
  JOIN catalogue_sku s ON s.id = (%(skus)s::bigint[])[
         1 + (n * 104729 + place * (1 + n * 31 %% (cardinality(%(skus)s::bigint[]) / 2)))
             %% cardinality(%(skus)s::bigint[])]
  JOIN catalogue_product p ON p.id = s.product_id
"""

ORDERS = """
INSERT INTO orders_order (id, number, user_id, status, round, list_total, payable, grant_id, coupon_off,
                          credits, credits_off, placed_at, pay_by, due_at, key, sent_to, hidden)
SELECT %(first)s + n, to_char(due, 'YYYYMMDD') || 'B' || (%(first)s + n), user_id, 0, 0, total,
       total - coupon_off - credits_off, CASE WHEN coupon_off > 0 THEN %(first)s + n END, coupon_off,
       credits, credits_off, due - interval '15 minutes', due, due, 'bench-' || (%(first)s + n),
       %(address)s, false
  FROM (SELECT n, %(due)s + n * %(apart)s::interval AS due, user_id,
               sum(price * quantity)::bigint AS total, sum(coupon_off) AS coupon_off,
               sum(credits) AS credits, sum(credits_off) AS credits_off
          FROM ({wanted}) AS wanted GROUP BY n, user_id) AS o
 ORDER BY n
"""

LINES = """
INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en,
                              validity_days, quantity, unit_price, price, coupon_off, credits,
                              credits_off, payable, reason)
SELECT %(first)s + n, 'goods', product_id, sku_id, name_zh, name_en, label_zh, label_en, NULL,
       quantity, price, price * quantity, coupon_off, credits, credits_off,
       price * quantity - coupon_off - credits_off, ''
  FROM ({wanted}) AS wanted ORDER BY n, place
"""

OURS = "BETWEEN %(first)s AND %(first)s + %(orders)s - 1"

HISTORY = """
INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
SELECT id, placed_at, user_id, NULL, 0, 'placed' FROM orders_order WHERE id {ours} ORDER BY id
"""

NOTICES = """
INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, tries)
SELECT 'order.placed', id, 0, user_id, 'inbox', jsonb_build_object('pay_by', pay_by), placed_at, 'kept', 0
  FROM orders_order WHERE id {ours} ORDER BY id
"""

GRANTS = """
INSERT INTO promotions_grant (id, coupon_id, user_id, nth, state, order_id, valid_from, valid_until,
                              got_at, way, reason)
SELECT o.id, c.id, o.user_id,
       coalesce(had.nth, 0) + row_number() OVER (PARTITION BY o.user_id ORDER BY o.id), 'held', o.id,
       c.valid_from, c.valid_until, o.placed_at, c.way, ''
  FROM orders_order o CROSS JOIN promotions_coupon c
  LEFT JOIN (SELECT user_id, max(nth) AS nth FROM promotions_grant GROUP BY user_id) had
         ON had.user_id = o.user_id
 WHERE o.id {ours} AND o.grant_id IS NOT NULL ORDER BY o.id
"""

ISSUED = """
UPDATE promotions_coupon SET issued = issued + (SELECT count(grant_id) FROM orders_order WHERE id {ours})
"""

TRANSFERS = """
INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)
SELECT 'hold', id, 0, user_id << 8 | %(free)s, user_id << 8 | %(held)s, credits, placed_at, ''
  FROM orders_order WHERE id {ours} AND credits > 0 ORDER BY id
"""

BALANCES = """
WITH d AS MATERIALIZED (
  SELECT user_id << 8 | book AS id, sum(sign * credits) AS delta
    FROM orders_order CROSS JOIN (VALUES (%(free)s, -1), (%(held)s, 1)) AS books(book, sign)
   WHERE orders_order.id {ours} AND credits > 0 GROUP BY 1
), l AS MATERIALIZED (
  SELECT id FROM ledger_account WHERE id IN (SELECT id FROM d) ORDER BY id FOR NO KEY UPDATE
)
UPDATE ledger_account a SET balance = a.balance + d.delta FROM d JOIN l USING (id) WHERE a.id = d.id
"""

PIECES = """
WITH l AS MATERIALIZED (SELECT sku_id FROM catalogue_stock WHERE sku_id = ANY(%(skus)s::bigint[])
                         ORDER BY sku_id FOR NO KEY UPDATE)
UPDATE catalogue_stock s SET held = s.held + d.pieces
  FROM (SELECT sku_id, sum(quantity)::int AS pieces FROM orders_orderline
         WHERE order_id {ours} GROUP BY sku_id) d
  JOIN l USING (sku_id)
 WHERE s.sku_id = d.sku_id
"""

IN_TURN = (ORDERS, LINES, HISTORY, NOTICES, GRANTS, ISSUED, TRANSFERS, BALANCES, PIECES)
"""Locks are taken in the order of `docs/locking.md`: a shop may be at work meanwhile."""

FIRST = 10_000_000_000
"""Orders made here have ids from a range of their own, above what the sequence gives to buyers. So
have their coupon grants: a grant has its order's id."""

NEXT = "SELECT greatest(max(id), %s) + 1 FROM orders_order WHERE id >= %s"


def unpaid(
    world: World,
    orders: int,
    *,
    lines: int = 2,
    due: datetime,
    apart: timedelta = timedelta(0),
    skus: Sequence[int] = (),
) -> Batch:
    """Unpaid orders that hold what they hold, the first due at `due`, each next one `apart` later."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NEXT, [FIRST, FIRST])
        first: int = cursor.fetchone()[0]
        values = _values(world, orders, lines, due, apart, skus) | {"first": first}
        # What foreign keys would check row by row is right by construction.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in IN_TURN:
            cursor.execute(statement.replace("{wanted}", WANTED).replace("{ours}", OURS), values)
    return Batch(first, first + orders - 1, lines)


def _values(
    world: World, orders: int, lines: int, due: datetime, apart: timedelta, skus: Sequence[int]
) -> dict[str, Any]:
    return {
        "orders": orders,
        "lines": lines,
        "due": due,
        "apart": apart,
        "people": world.people,
        "skus": list(skus or world.skus),
        "address": ADDRESS,
        "coupon_off": COUPON_OFF,
        "credits": CREDITS,
        "worth": credits.worth(CREDITS),
        "free": Book.CREDITS.value,
        "held": Book.CREDITS_HELD.value,
    }


def due_of(batch: Batch) -> list[tuple[int, datetime]]:
    """These orders with the moments at which they are due, in that order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, due_at FROM orders_order WHERE id BETWEEN %s AND %s ORDER BY due_at, id",
            [batch.first, batch.last],
        )
        return list(cursor.fetchall())
