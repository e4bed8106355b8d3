"""Counts of goods: the one place that writes `Stock`, always in pk order, last in a transaction.

`move` applies every change of one transaction in one statement. A piece that is not there breaks the
constraint `stock_never_oversold`; who must answer politely looks with `locked_free` first, which
takes the same locks in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from shigu.catalogue.models import Moved, Stock, StockMovement
from shigu.kit.database import bigints


@dataclass(frozen=True, slots=True)
class Change:
    """What one SKU's counts grow or shrink by."""

    on_hand: int = 0
    held: int = 0
    sold: int = 0


MOVE = """
WITH d AS (SELECT * FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[])
                    AS d(sku_id, on_hand, held, sold)),
     l AS MATERIALIZED (SELECT s.sku_id FROM catalogue_stock s WHERE s.sku_id = ANY(%s::bigint[])
                        ORDER BY s.sku_id FOR NO KEY UPDATE)
UPDATE catalogue_stock s
   SET on_hand = s.on_hand + d.on_hand, held = s.held + d.held, sold = s.sold + d.sold
  FROM d JOIN l USING (sku_id)
 WHERE s.sku_id = d.sku_id
"""


LOCK_FROM = """
WITH wanted AS MATERIALIZED ({source})
SELECT s.sku_id, w.pieces FROM catalogue_stock s JOIN wanted w USING (sku_id)
 ORDER BY s.sku_id FOR NO KEY UPDATE OF s
"""


def locked_from(source: str, values: Mapping[str, Any]) -> dict[int, int]:
    """Wait for the SKUs that `source` selects as (sku_id, pieces), in pk order; those pieces by SKU id."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_FROM.format(source=source), values)
        return dict(cursor.fetchall())


def move(changes: Mapping[int, Change]) -> None:
    """Apply `changes` by SKU id; IntegrityError where a count would leave its bounds."""
    if not changes:
        return
    ids = bigints(changes)
    columns = [
        bigints(getattr(c, n) for c in changes.values()) for n in ("on_hand", "held", "sold")
    ]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [ids, *columns, ids])
        if cursor.rowcount != len(changes):
            raise LookupError(f"no stock row for some of the SKUs {sorted(changes)}")


def locked_free(sku_ids: Collection[int]) -> dict[int, int]:
    """Pieces free by SKU id, the rows locked in pk order until the transaction ends."""
    rows = Stock.objects.select_for_update(no_key=True).filter(pk__in=sku_ids).order_by("pk")
    return {row.pk: row.free for row in rows}


def record(movements: Iterable[StockMovement]) -> None:
    """Append movements; the same event twice breaks `movement_once`."""
    StockMovement.objects.bulk_create(movements)


def correct(sku_id: int, *, pieces: int, kind: Moved, subject: str, by: str, now: datetime) -> None:
    """Receive or correct pieces by hand, with a movement that says why.

    `subject` is unique per event, so a form sent twice counts once; IntegrityError tells.
    """
    with transaction.atomic(durable=True):
        record(
            [StockMovement(sku_id=sku_id, kind=kind, pieces=pieces, subject=subject, by=by, at=now)]
        )
        move({sku_id: Change(on_hand=pieces)})


def free_now(sku_ids: Collection[int]) -> dict[int, int]:
    """Pieces free by SKU id as seen now, without a lock: for pages, never for a decision."""
    free = F("on_hand") - F("held")
    return dict(Stock.objects.filter(pk__in=sku_ids).annotate(left=free).values_list("pk", "left"))
