"""A lot goes to somebody: the award and its order, with line and history, for many lots in one statement.

`award(winners)` is for lots just sold at the hammer, `offer(winner, …)` for one second chance. The order
costs the hammer price, less what the deposit counts for where the session says so (`covering`); it holds
nothing but its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from shigu.auctions import telling
from shigu.auctions.covering import Cover, Winner, covering

# Nobody can guess the key, so nobody can have used it for an order of their own.
WRITE = """
WITH won AS MATERIALIZED (
  SELECT w.*, b.sku_id, coalesce(%(at)s, b.ended_at) AS at,
         coalesce(%(at)s, b.ended_at)
           + coalesce(%(seconds)s, s.pay_seconds) * interval '1 second' AS pay_by,
         nextval(pg_get_serial_sequence('orders_order', 'id')) AS order_id
    FROM unnest(%(lots)s::bigint[], %(users)s::bigint[], %(prices)s::bigint[], %(deposits)s::bigint[],
                %(counted)s::bigint[]) AS w(lot_id, user_id, price, deposit_id, counted)
    JOIN auctions_bidding b USING (lot_id) JOIN auctions_session s ON s.id = b.session_id
), orders AS (
  INSERT INTO orders_order (id, number, user_id, status, round, origin, list_total, payable, placed_at,
                            pay_by, due_at, remind_at, key, sent_to, hidden, coupon_off, credits,
                            credits_off, earned)
  SELECT order_id, to_char(at AT TIME ZONE %(zone)s, 'YYYYMMDD')
           || lpad(user_id::text, greatest(4, length(user_id::text)), '0')
           || lpad(order_id::text, greatest(6, length(order_id::text)), '0'),
         user_id, 0, 0, 'lot', price, price - counted, at, pay_by, pay_by,
         CASE WHEN pay_by - at >= 2 * %(remind)s::interval THEN pay_by - %(remind)s::interval END,
         'lot-' || gen_random_uuid(), '', false, 0, 0, 0, 0 FROM won
), lines AS (
  INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh,
                                label_en, quantity, unit_price, price, payable, coupon_off, credits,
                                credits_off, reason, activity_zh, activity_en, is_renewal)
  SELECT w.order_id, 'lot', s.product_id, s.id, l.name_zh, l.name_en, '', '', 1, w.price,
         w.price - w.counted, w.price - w.counted, 0, 0, 0, '',
         CASE WHEN w.counted > 0 THEN %(counts_zh)s ELSE '' END,
         CASE WHEN w.counted > 0 THEN %(counts_en)s ELSE '' END, false
    FROM won w JOIN auctions_lot l ON l.id = w.lot_id JOIN catalogue_sku s ON s.id = w.sku_id
), history AS (
  INSERT INTO orders_orderevent (order_id, at, status, why)
  SELECT order_id, at, 0, %(why)s FROM won
)
INSERT INTO auctions_award (lot_id, user_id, order_id, deposit_id, price, counted, state,
                            second_chance, at, pay_by, forfeited)
SELECT lot_id, user_id, order_id, deposit_id, price, counted, 0, %(second)s, at, pay_by, 0 FROM won
RETURNING order_id
"""

SAID = {"counts_zh": "保证金抵扣", "counts_en": "Deposit, counted toward the price"}


def award(winners: Sequence[Winner], *, now: datetime) -> None:
    """Each of these lots, sold and locked with its session, to its leader, with the deposit that covers it."""
    if winners:
        covers = covering(winners)
        orders = _write(winners, covers, at=None, seconds=None, why="awarded", second=False)
        telling.awarded("lot.won", orders, at=now)


def offer(winner: Winner, *, at: datetime, seconds: int) -> int:
    """A locked lot to somebody else at their own amount, without a deposit; the order."""
    [order_id] = _write([winner], {}, at=at, seconds=seconds, why="offered", second=True)
    telling.awarded("lot.offered", [order_id], at=at)
    return order_id


def _write(winners: Sequence[Winner], covers: Mapping[int, Cover], **how: Any) -> list[int]:
    nothing = Cover(0, 0)
    covered = [covers.get(one.lot_id, nothing) for one in winners]
    columns: dict[str, Any] = {
        "lots": [one.lot_id for one in winners],
        "users": [one.user_id for one in winners],
        "prices": [one.price for one in winners],
        "deposits": [cover.deposit_id or None for cover in covered],
        "counted": [cover.counted for cover in covered],
    }
    fixed: dict[str, Any] = {**SAID, "zone": settings.TIME_ZONE, "remind": settings.AUCTION_REMIND}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {**columns, **how, **fixed})
        return [order_id for (order_id,) in cursor.fetchall()]
