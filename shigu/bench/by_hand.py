"""The limit of `expiry`: one hand-written statement in one round trip per batch, nothing of Shigu in between.

It takes the same locks in the same order as we do, so that two processes of it never meet in a circle:
orders, coupon grants, accounts, SKUs. The final SELECT is what pulls the parts along in that order.
"""

from __future__ import annotations

import time

from django.db import connection

from shigu.bench.crew import Answer

LIMIT_BATCH = 500

BY_HAND = """
WITH due AS MATERIALIZED (
  SELECT id, user_id, round, credits, grant_id, pay_by FROM orders_order
   WHERE status = 0 AND due_at <= statement_timestamp()
   ORDER BY due_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
), closed AS (
  UPDATE orders_order o SET status = 3, due_at = NULL, ended_at = statement_timestamp()
    FROM due WHERE o.id = due.id RETURNING o.id
), history AS (
  INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
  SELECT id, statement_timestamp(), NULL, 0, 3, 'time' FROM closed RETURNING 1
), told AS (
  INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, due_at, tries)
  SELECT 'order.lapsed', due.id, round, user_id, c.name, jsonb_build_object('pay_by', pay_by),
         statement_timestamp(), c.state, CASE WHEN c.name = 'mail' THEN statement_timestamp() END, 0
    FROM due JOIN accounts_user u ON u.id = due.user_id
   CROSS JOIN (VALUES ('inbox', 'kept'), ('mail', 'waiting')) AS c(name, state)
   WHERE c.name = 'inbox' OR u.is_active AND u.email <> '' RETURNING 1
), grants AS MATERIALIZED (
  SELECT id FROM promotions_grant WHERE id IN (SELECT grant_id FROM due) AND state = 'held'
   ORDER BY id FOR NO KEY UPDATE
), unused AS (
  UPDATE promotions_grant g
     SET state = CASE WHEN valid_until > statement_timestamp() THEN 'unused' ELSE 'lapsed' END,
         due_at = CASE WHEN valid_until > statement_timestamp() THEN valid_until END, order_id = NULL,
         used_at = NULL
    FROM grants WHERE g.id = grants.id RETURNING 1
), own AS MATERIALIZED (
  SELECT id, round, credits, user_id << 8 | 34 AS held, user_id << 8 | 33 AS free
    FROM due WHERE credits > 0
), transfers AS (
  INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)
  SELECT 'release', id, round, held, free, credits, statement_timestamp(), '' FROM own RETURNING 1
), deltas AS MATERIALIZED (
  SELECT id, sum(delta) AS delta
    FROM (SELECT held, -credits FROM own UNION ALL SELECT free, credits FROM own) AS d(id, delta)
   GROUP BY id
), accounts AS MATERIALIZED (
  SELECT id FROM ledger_account WHERE id IN (SELECT id FROM deltas) ORDER BY id FOR NO KEY UPDATE
), balances AS (
  UPDATE ledger_account a SET balance = balance + delta
    FROM deltas JOIN accounts USING (id) WHERE a.id = deltas.id RETURNING 1
), back AS MATERIALIZED (
  SELECT sku_id, sum(quantity)::int AS pieces FROM orders_orderline JOIN due ON order_id = due.id
   WHERE kind = 'goods' GROUP BY sku_id
), skus AS MATERIALIZED (
  SELECT sku_id FROM catalogue_stock WHERE sku_id IN (SELECT sku_id FROM back)
   ORDER BY sku_id FOR NO KEY UPDATE
), given AS (
  UPDATE catalogue_stock s SET held = s.held - back.pieces
    FROM back JOIN skus USING (sku_id) WHERE s.sku_id = back.sku_id RETURNING 1
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM history), (SELECT count(*) FROM unused),
       (SELECT count(*) FROM transfers), (SELECT count(*) FROM balances), (SELECT count(*) FROM given)
"""


def expire_by_hand() -> Answer:
    """One process of the limit: a batch after the other, until nothing is due."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        while True:
            cursor.execute(BY_HAND, [LIMIT_BATCH])
            if not cursor.fetchone()[0]:
                break
    return {"began": began, "ended": time.monotonic()}
