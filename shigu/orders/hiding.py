"""Deleting 删除: an ended order leaves its buyer's list, and nothing else changes."""

from __future__ import annotations

from shigu.orders.errors import NotEnded
from shigu.orders.models import Order, Status

ENDED = (Status.CANCELLED, Status.EXPIRED, Status.REFUNDED)


def hide(order_id: int) -> None:
    """Take an ended order off its buyer's list; NotEnded for one that is still alive."""
    if not Order.objects.filter(pk=order_id, status__in=ENDED).update(hidden=True):
        raise NotEnded
