"""What an unpaid order holds goes back: the one way in for expiry, cancelling and whatever ends it.

Later rooms (coupons, credits, balance) give back here as well, so an order's end returns everything
in one transaction or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Kind
from shigu.catalogue.stock import Change

HELD = """
SELECT sku_id, sum(quantity)::int FROM orders_orderline
 WHERE order_id = ANY(%s::bigint[]) AND kind = %s GROUP BY sku_id
"""


def give_back(order_ids: Sequence[int]) -> None:
    """Release everything these orders hold. Their rows are locked and were unpaid until now."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [list(order_ids), Kind.GOODS.value])
        held = dict(cursor.fetchall())
    stock.lock(held)
    clock.locked()
    stock.move({sku: Change(held=-pieces) for sku, pieces in held.items()})
