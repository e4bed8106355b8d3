"""The order's history: one row for each transition, written in the transition's own transaction.

Whoever shows the order in another process is told when that commits (`kit.pushing`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from shigu.kit import pushing
from shigu.orders.models import Status

APPEND = """
INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
SELECT id, %s, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS id
"""


def record(
    order_ids: Collection[int],
    was: Status | None,
    status: Status,
    *,
    why: str,
    at: datetime,
    by: int | None = None,
) -> None:
    """Append one row per order; `by` is the acting user, None for the clock or a provider."""
    with connection.cursor() as cursor:
        cursor.execute(
            APPEND, [at, by, None if was is None else was.value, status.value, why, list(order_ids)]
        )
    pushing.changed("order", order_ids)
