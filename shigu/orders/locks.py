"""Every lock that orders take, in the order of `docs/locking.md`: buyer, order; SKUs come last, in stock."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from shigu.orders.models import Order

BUYERS = """
SELECT pg_advisory_xact_lock((7::bigint << 56) | id)
  FROM (SELECT DISTINCT unnest(%s::bigint[]) AS id ORDER BY 1) AS buyers
"""


def lock_buyers(user_ids: Collection[int]) -> None:
    """One buyer places or restores one thing at a time: the cart's lock, without a row to write."""
    with connection.cursor() as cursor:
        cursor.execute(BUYERS, [list(user_ids)])


def locked_orders(ids: Collection[int]) -> list[Order]:
    """These orders, locked in pk order until the transaction ends."""
    return list(Order.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
