"""How the tutorials end an unpaid order: one order, one transaction, one query after the other.

The body of both baselines of `expiry`: a loop calls it, and so does one Celery task per order. Written
as kindly as the shape allows: nothing is read that is not needed, only changed columns are saved.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from shigu.catalogue.models import Stock
from shigu.orders.models import Order, OrderEvent, Status


def expire_one(order_id: int) -> None:
    """End one order: get, change, save, line by line."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.status != Status.UNPAID:
            return
        order.status, order.due_at, order.ended_at = Status.EXPIRED, None, datetime.now(UTC)
        order.save(update_fields=["status", "due_at", "ended_at"])
        OrderEvent.objects.create(
            order=order,
            at=order.ended_at,
            was=Status.UNPAID,
            status=Status.EXPIRED,
            why="time",
        )
        for line in order.lines.order_by("sku_id"):
            stock = Stock.objects.select_for_update().get(pk=line.sku_id)
            stock.held -= line.quantity
            stock.save(update_fields=["held"])
