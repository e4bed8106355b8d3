"""The rows a benchmark stands on: people, SKUs with stock, and orders by the thousand, written by SQL.

`furnish` fills an empty shop, `unpaid` adds unpaid orders that hold their pieces, `clear` takes all
orders away again, `settle` leaves PostgreSQL with fresh statistics and nothing to write back. Orders
made here satisfy every invariant of the audit, like those of a shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from shigu.accounts.models import User
from shigu.catalogue.models import Category, Direction, Kind, Moved, Product, Sku, Stock
from shigu.catalogue.models import StockMovement as Movement
from shigu.clock import now
from shigu.kit import postgres

ON_HAND = 10_000_000
ADDRESS = "alice 13800000000 Shaanxi, Xi'an 1 West Market"


@dataclass(frozen=True, slots=True)
class World:
    """Ids of the people and SKUs of a furnished shop."""

    people: list[int]
    skus: list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders written together: ids `first` to `last`, `lines` lines each."""

    first: int
    last: int
    lines: int

    @property
    def orders(self) -> int:
        return self.last - self.first + 1


def migrate() -> None:
    """All tables, without a word."""
    call_command("migrate", verbosity=0)


def database_url() -> str:
    """The database this process works in, for processes that it starts."""
    entry = connection.settings_dict
    return postgres.url(entry["HOST"], entry["NAME"])


def furnish(*, people: int, skus: int) -> World:
    """People and goods, one SKU each, plenty in stock."""
    direction = Direction.objects.create(
        slug="bench", kind=Kind.GOODS, name_zh="基准", name_en="Bench"
    )
    category = Category.objects.create(
        slug="bench", direction=direction, name_zh="基准", name_en="Bench"
    )
    buyers = User.objects.bulk_create(User(username=f"buyer-{n}") for n in range(people))
    goods = Product.objects.bulk_create(_product(category, n) for n in range(skus))
    offered = Sku.objects.bulk_create(
        Sku(product=product, code=f"bench-{n}", price=9900 + n) for n, product in enumerate(goods)
    )
    at = now()
    Stock.objects.bulk_create(Stock(sku=sku, on_hand=ON_HAND) for sku in offered)
    Movement.objects.bulk_create(
        Movement(sku_id=sku.pk, kind=Moved.RECEIPT, pieces=ON_HAND, subject="bench", at=at)
        for sku in offered
    )
    return World([user.pk for user in buyers], [sku.pk for sku in offered])


def _product(category: Category, number: int) -> Product:
    return Product(
        kind=Kind.GOODS,
        slug=f"bench-{number}",
        category=category,
        name_zh=f"货物 {number}",
        name_en=f"Goods {number}",
    )


ORDERS = """
INSERT INTO orders_order (id, number, user_id, status, round, list_total, payable, placed_at, pay_by,
                          due_at, key, sent_to, hidden)
SELECT %(first)s + n, to_char(due, 'YYYYMMDD') || 'B' || (%(first)s + n), user_id, 0, 0, total, total,
       due - interval '15 minutes', due, due, 'bench-' || (%(first)s + n), %(address)s, false
  FROM (SELECT n, %(due)s + n * %(apart)s::interval AS due,
               (%(people)s::bigint[])[1 + n * 7919 %% cardinality(%(people)s::bigint[])] AS user_id,
               sum(price * quantity)::bigint AS total
          FROM ({wanted}) AS wanted GROUP BY n) AS o
 ORDER BY n
"""

LINES = """
INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en,
                              validity_days, quantity, unit_price, price, payable, reason)
SELECT %(first)s + n, 'goods', product_id, sku_id, name_zh, name_en, label_zh, label_en, NULL,
       quantity, price, price * quantity, price * quantity, ''
  FROM ({wanted}) AS wanted ORDER BY n, place
"""

WANTED = """
SELECT n, place, 1 + (n + place) %% 2 AS quantity, s.id AS sku_id, s.price, s.label_zh, s.label_en,
       p.id AS product_id, p.name_zh, p.name_en
  FROM generate_series(0::bigint, %(orders)s - 1) AS n CROSS JOIN generate_series(0, %(lines)s - 1) AS place
  JOIN catalogue_sku s ON s.id = (%(skus)s::bigint[])[
         1 + (n * 104729 + place * (1 + n * 31 %% (cardinality(%(skus)s::bigint[]) / 2)))
             %% cardinality(%(skus)s::bigint[])]
  JOIN catalogue_product p ON p.id = s.product_id
"""

HISTORY = """
INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
SELECT id, placed_at, user_id, NULL, 0, 'placed' FROM orders_order
 WHERE id BETWEEN %(first)s AND %(first)s + %(orders)s - 1 ORDER BY id
"""

HOLD = """
WITH l AS MATERIALIZED (SELECT sku_id FROM catalogue_stock WHERE sku_id = ANY(%(skus)s::bigint[])
                         ORDER BY sku_id FOR NO KEY UPDATE)
UPDATE catalogue_stock s SET held = s.held + d.pieces
  FROM (SELECT sku_id, sum(quantity)::int AS pieces FROM orders_orderline
         WHERE order_id BETWEEN %(first)s AND %(first)s + %(orders)s - 1 GROUP BY sku_id) d
  JOIN l USING (sku_id)
 WHERE s.sku_id = d.sku_id
"""

FIRST = 10_000_000_000
"""Orders made here have ids from a range of their own, above what the sequence gives to buyers."""

NEXT = "SELECT greatest(max(id), %s) + 1 FROM orders_order WHERE id >= %s"


def unpaid(
    world: World,
    orders: int,
    *,
    lines: int = 2,
    due: datetime,
    apart: timedelta = timedelta(0),
    skus: Sequence[int] = (),
) -> Batch:
    """Unpaid orders that hold their pieces, the first due at `due`, each next one `apart` later."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NEXT, [FIRST, FIRST])
        first: int = cursor.fetchone()[0]
        values = _values(world, orders, lines, due, apart, skus) | {"first": first}
        # What foreign keys would check row by row is right by construction.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (ORDERS, LINES, HISTORY, HOLD):
            cursor.execute(statement.replace("{wanted}", WANTED), values)
    return Batch(first, first + orders - 1, lines)


def _values(
    world: World, orders: int, lines: int, due: datetime, apart: timedelta, skus: Sequence[int]
) -> dict[str, Any]:
    return {
        "orders": orders,
        "lines": lines,
        "due": due,
        "apart": apart,
        "people": world.people,
        "skus": list(skus or world.skus),
        "address": ADDRESS,
    }


def clear() -> None:
    """No orders, nothing held."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE orders_order, orders_orderline, orders_orderevent CASCADE")
        cursor.execute("UPDATE catalogue_stock SET held = 0 WHERE held <> 0")


def settle() -> None:
    """Statistics fresh, dead rows gone, everything written back: nothing left for a side to pay."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) orders_order, orders_orderline, orders_orderevent")
        cursor.execute("VACUUM (ANALYZE) catalogue_stock")
        cursor.execute("CHECKPOINT")


def durability() -> dict[str, str]:
    """The server's own word on what a commit costs here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN"
            " ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes')"
        )
        return dict(cursor.fetchall())
