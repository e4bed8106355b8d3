"""What orders do with coupons: hold one while unpaid, use it when paid, give it back when it ends.

`locked` first, then look (`Grant.is_usable`), then `hold`, `use`, `use_at_once`, `release` or `give_back`: each
is one statement over many orders, grants locked in pk order. What a grant is worth says its coupon, which is
read along; the coupon's own row is never locked or written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection

from shigu.kit.database import bigints
from shigu.promotions.models import Grant, GrantState

HOLD = """
WITH d AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS d(id, order_id)),
     l AS MATERIALIZED (SELECT g.id FROM promotions_grant g WHERE g.id = ANY(%s)
                         ORDER BY g.id FOR NO KEY UPDATE)
UPDATE promotions_grant g SET state = %s, order_id = d.order_id, due_at = NULL, used_at = %s
  FROM d JOIN l USING (id) WHERE g.id = d.id AND g.state = 'unused'
"""
USE = """
WITH l AS MATERIALIZED (SELECT id FROM promotions_grant WHERE order_id = ANY(%s) AND state = 'held'
                         ORDER BY id FOR NO KEY UPDATE)
UPDATE promotions_grant g SET state = 'used', used_at = %s FROM l WHERE g.id = l.id
"""
RELEASE = """
WITH l AS MATERIALIZED (SELECT id FROM promotions_grant
                         WHERE order_id = ANY(%s::bigint[]) AND state = ANY(%s)
                         ORDER BY id FOR NO KEY UPDATE)
UPDATE promotions_grant g
   SET state = CASE WHEN g.valid_until > %s THEN 'unused' ELSE 'lapsed' END,
       due_at = CASE WHEN g.valid_until > %s THEN g.valid_until END, order_id = NULL, used_at = NULL
  FROM l WHERE g.id = l.id
"""


class GrantTaken(RuntimeError):
    """A grant was not free to take though its lock was held: everything of this transaction goes back."""


def locked(grant_ids: Collection[int]) -> dict[int, Grant]:
    """These grants with their coupons, locked in pk order until the transaction ends."""
    rows = Grant.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=grant_ids)
    return {row.pk: row for row in rows.select_related("coupon").order_by("pk")}


def hold(order_by_grant: Mapping[int, int]) -> None:
    """Unused grants are held by these orders from now on; the caller has locked and looked."""
    _take(order_by_grant, GrantState.HELD, None)


def use_at_once(order_by_grant: Mapping[int, int], *, now: datetime) -> None:
    """Unused grants become used ones of these orders: a late payment takes its coupon again."""
    _take(order_by_grant, GrantState.USED, now)


def _take(order_by_grant: Mapping[int, int], state: GrantState, used_at: datetime | None) -> None:
    if not order_by_grant:
        return
    ids = list(order_by_grant)
    with connection.cursor() as cursor:
        orders = list(order_by_grant.values())
        cursor.execute(HOLD, [ids, orders, ids, state.value, used_at])
        if cursor.rowcount != len(ids):
            raise GrantTaken(ids)


def use(order_ids: Collection[int], *, now: datetime) -> None:
    """What these orders hold is used: they are paid."""
    with connection.cursor() as cursor:
        cursor.execute(USE, [list(order_ids), now])


def release(order_ids: Collection[int], *, now: datetime) -> None:
    """What these orders hold comes back; lapsed where its end has passed."""
    _release(order_ids, [GrantState.HELD.value], now)


def give_back(order_ids: Collection[int], *, now: datetime) -> None:
    """What these orders used comes back with their refund; lapsed where its end has passed."""
    _release(order_ids, [GrantState.USED.value], now)


def _release(order_ids: Collection[int], states: list[str], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, [bigints(order_ids), states, now, now])
