"""An unpaid order whose time is over: everything it held comes back, in the claim's own transaction.

`expire` is called by the clock with orders it has just locked as due; whoever paid or cancelled first
has changed the status, so the row is not among them. A crash anywhere leaves all of it undone.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.orders import history, telling
from shigu.orders.models import Order, Status
from shigu.orders.origins import origins
from shigu.orders.releasing import give_back

CLOSE = """
WITH closed AS (
  UPDATE orders_order SET status = %s, due_at = NULL, ended_at = %s
   WHERE id = ANY(%s::bigint[]) AND status = %s RETURNING id, origin
)
SELECT origin, count(*), array_agg(id ORDER BY id) FILTER (WHERE origin <> '')
  FROM closed GROUP BY origin ORDER BY origin
"""


@clock.rings(Order, due="due_at", among=Q(status=Status.UNPAID), holds=True)
def expire(order_ids: list[int], *, now: datetime) -> int:
    """Turn due orders to expired and give back what they held.

    1. Close them: status, no due time, when they ended.
    2. One history row each.
    3. Those that come from elsewhere end there too, by the rules of their origin.
    4. Buyers of the shop's own are told; of others by their origin.
    5. Release what they held: coupons, credits, pieces.
    """
    reached("orders.expire.claimed")
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, [Status.EXPIRED.value, now, order_ids, Status.UNPAID.value])
        closed = cursor.fetchall()
    history.record(order_ids, Status.UNPAID, Status.EXPIRED, why="time", at=now)
    for origin, _, ids in closed:
        if ids:
            origins[origin].ended(ids, Status.EXPIRED, now=now)
    elsewhere = {pk for _, _, ids in closed for pk in ids or ()}
    telling.tell("order.lapsed", [pk for pk in order_ids if pk not in elsewhere], at=now)
    give_back(order_ids, now=now)
    reached("orders.expire.done")
    return sum(count for _, count, _ in closed)
