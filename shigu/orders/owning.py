"""Whose order it is, asked in one place: another buyer's order does not exist."""

from __future__ import annotations

from shigu.orders.lists import mine
from shigu.orders.models import Order


def of(user_id: int, number: str) -> Order:
    """The buyer's own order by its number; Order.DoesNotExist for anyone else's."""
    return mine(user_id).get(number=number)
