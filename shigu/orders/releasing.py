"""What an unpaid order holds goes back: the one way in for expiry, cancelling and whatever ends it.

Coupon, credits and pieces, in the order of `docs/locking.md`, in the transaction that ends the order:
everything or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Kind
from shigu.catalogue.stock import Change
from shigu.kit.database import bigints
from shigu.ledger import posting
from shigu.orders import credits
from shigu.promotions import holding

HELD = """
SELECT sku_id, sum(quantity)::int AS pieces FROM orders_orderline
 WHERE order_id = ANY(%(orders)s::bigint[]) AND kind = %(goods)s GROUP BY sku_id
"""


def give_back(order_ids: Sequence[int], *, now: datetime) -> None:
    """Release everything these orders hold. Their rows are locked and were unpaid until now.

    1. Coupons: unused again, or lapsed where their end has passed.
    2. Credits: one transfer per order and round.
    3. Pieces; SKUs are locked here, last.
    """
    holding.release(order_ids, now=now)
    posting.post_from(credits.RELEASES, credits.of_orders(order_ids), at=now)
    held = stock.locked_from(HELD, {"orders": bigints(order_ids), "goods": Kind.GOODS.value})
    clock.locked()
    stock.move({sku: Change(held=-pieces) for sku, pieces in held.items()})
