"""Buyers of unpaid orders are reminded a few minutes before their time is over.

`remind_at` is a due moment of its own; whatever ends the order takes it out of what the clock claims, so there
is nothing to revoke. Short windows have none: nobody needs a reminder of what they did a moment ago.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection

from shigu import clock
from shigu.orders.models import TO_REMIND, Order
from shigu.orders.origins import origins

ENOUGH = 2
"""A window is long enough when it has so many times the minutes of the reminder."""

REMINDED = """
UPDATE orders_order SET remind_at = NULL WHERE id = ANY(%s::bigint[])
RETURNING id, origin, pay_by > %s
"""


def moment(now: datetime) -> datetime | None:
    """When to remind of an order whose time to pay begins now."""
    before, window = settings.REMIND_BEFORE, settings.PAY_WINDOW
    return now + window - before if before and window >= ENOUGH * before else None


@clock.rings(Order, due="remind_at", among=TO_REMIND, urgency="order", name="orders.remind")
def remind(order_ids: list[int], *, now: datetime) -> int:
    """Tell those who can still pay; a clock that was down says nothing about what is over."""
    with connection.cursor() as cursor:
        cursor.execute(REMINDED, [order_ids, now])
        rows = cursor.fetchall()
    for origin in {origin for _, origin, in_time in rows if in_time}:
        ids = [pk for pk, of, in_time in rows if in_time and of == origin]
        origins[origin].remind(ids, now=now)
    return len(rows)
