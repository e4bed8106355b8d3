"""An unpaid order whose time is over: everything it held comes back, in the claim's own transaction.

`expire` is called by the clock with orders it has just locked as due; whoever paid or cancelled first
has changed the status, so the row is not among them. A crash anywhere leaves all of it undone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.kit import pushing
from shigu.kit.breakpoints import reached
from shigu.kit.database import bigints
from shigu.notices import outbox
from shigu.orders.models import Order, Status
from shigu.orders.origins import origins
from shigu.orders.releasing import give_back

CLOSE = """
WITH closed AS (
  UPDATE orders_order SET status = %(expired)s, due_at = NULL, ended_at = %(at)s
   WHERE id = ANY(%(orders)s::bigint[]) AND status = %(unpaid)s
  RETURNING id, user_id, round, pay_by, origin
), history AS (
  INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
  SELECT id, %(at)s, NULL, %(unpaid)s, %(expired)s, 'time' FROM closed
), told AS (TELLING)
SELECT origin, count(*), array_agg(id ORDER BY id) FILTER (WHERE origin <> '')
  FROM closed GROUP BY origin ORDER BY origin
"""
BUYERS = (
    "SELECT user_id, id, round, jsonb_build_object('pay_by', pay_by) FROM closed WHERE origin = ''"
)


@clock.rings(Order, due="due_at", among=Q(status=Status.UNPAID), holds=True)
def expire(order_ids: list[int], *, now: datetime) -> int:
    """Turn due orders to expired and give back what they held.

    1. In one statement: close them, one history row each, tell the buyers of the shop's own.
    2. Those that come from elsewhere end there too, and their buyers are told, by the rules of their origin.
    3. Release what they held: coupons, credits, pieces.
    """
    reached("orders.expire.claimed")
    values: dict[str, Any] = {"orders": bigints(order_ids), "at": now, "event": "order.lapsed"}
    values |= {"unpaid": Status.UNPAID.value, "expired": Status.EXPIRED.value}
    with connection.cursor() as cursor:
        cursor.execute(CLOSE.replace("TELLING", outbox.telling(BUYERS)), values)
        closed = cursor.fetchall()
    for origin, _, ids in closed:
        if ids:
            origins[origin].ended(ids, Status.EXPIRED, now=now)
    pushing.changed("order", order_ids)
    give_back(order_ids, now=now)
    reached("orders.expire.done")
    return sum(count for _, count, _ in closed)
