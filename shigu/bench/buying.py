"""How each side of `place` places one order of one piece: ours, two tutorials', and the bare SQL.

`buyers[side](person, sku)` connects and returns a function that places one order under a key; it raises
`Lost` where the side gives an order up. All write the same order, line, history row and held piece.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.conf import settings
from django.db import connection, transaction

from shigu.bench.tutorial import write_notices
from shigu.bench.world import ADDRESS
from shigu.catalogue.models import Sku, Stock
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.models import Order, OrderEvent, OrderLine, Status

Buyer = Callable[[str], None]
TRIES = 3


class Lost(Exception):
    """The side gave this order up."""


def shigu(person: int, sku: int) -> Buyer:
    """The real door."""
    price = Sku.objects.get(pk=sku).price

    def buy(key: str) -> None:
        place(Placing(person, key, (Choice(sku, 1, price),), ADDRESS))

    return buy


def optimistic(person: int, sku: int) -> Buyer:
    """The tutorial's optimistic lock: change the count if it is still what was read, three tries."""
    connection.ensure_connection()

    def buy(key: str) -> None:
        with transaction.atomic():
            order, offered = _order(person, sku, key)
            for _ in range(TRIES):
                stock = Stock.objects.get(pk=sku)
                if stock.free < 1:
                    raise Lost
                unchanged = Stock.objects.filter(pk=sku, held=stock.held)
                if unchanged.update(held=stock.held + 1):
                    break
            else:
                raise Lost
            _line(order, offered)

    return buy


def for_update(person: int, sku: int) -> Buyer:
    """The tutorial's pessimistic lock, as late as it can be taken."""
    connection.ensure_connection()

    def buy(key: str) -> None:
        with transaction.atomic():
            order, offered = _order(person, sku, key)
            _line(order, offered)
            stock = Stock.objects.select_for_update().get(pk=sku)
            if stock.free < 1:
                raise Lost
            stock.held += 1
            stock.save(update_fields=["held"])

    return buy


def _order(person: int, sku: int, key: str) -> tuple[Order, Sku]:
    offered = Sku.objects.select_related("product").get(pk=sku)
    order_id, now = _draw()
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y%m%d")
    order = Order.objects.create(
        id=order_id,
        number=f"{day}{person:04d}{order_id:06d}",
        user_id=person,
        list_total=offered.price,
        payable=offered.price,
        placed_at=now,
        pay_by=now + settings.PAY_WINDOW,
        due_at=now + settings.PAY_WINDOW,
        remind_at=now + settings.PAY_WINDOW - settings.REMIND_BEFORE,
        key=key,
        sent_to=ADDRESS,
    )
    OrderEvent.objects.create(
        order=order, at=now, by_id=person, was=None, status=Status.UNPAID, why="placed"
    )
    write_notices(order, "order.placed", now)
    return order, offered


def _draw() -> tuple[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('orders_order_id_seq'), clock_timestamp()")
        order_id, now = cursor.fetchone()
    return order_id, now


def _line(order: Order, offered: Sku) -> None:
    product = offered.product
    OrderLine.objects.create(
        order=order,
        kind=product.kind,
        product=product,
        sku=offered,
        name_zh=product.name_zh,
        name_en=product.name_en,
        label_zh=offered.label_zh,
        label_en=offered.label_en,
        validity_days=offered.validity_days,
        quantity=1,
        unit_price=offered.price,
        price=offered.price,
        payable=offered.price,
    )


BARE = """
WITH n AS MATERIALIZED (
  SELECT nextval('orders_order_id_seq') AS id, statement_timestamp() AS now
), offered AS MATERIALIZED (
  SELECT s.id AS sku_id, s.price, s.label_zh, s.label_en, s.validity_days, p.id AS product_id, p.kind,
         p.name_zh, p.name_en
    FROM catalogue_sku s JOIN catalogue_product p ON p.id = s.product_id WHERE s.id = %(sku)s
), placed AS (
  INSERT INTO orders_order (id, number, user_id, status, round, list_total, payable, placed_at,
                            pay_by, due_at, remind_at, key, sent_to, hidden)
  SELECT n.id, to_char(now AT TIME ZONE %(zone)s, 'YYYYMMDD')
               || lpad(%(person)s::bigint::text, greatest(4, length(%(person)s::bigint::text)), '0')
               || lpad(n.id::text, greatest(6, length(n.id::text)), '0'),
         %(person)s::bigint, 0, 0, price, price, now, now + %(window)s::interval,
         now + %(window)s::interval, now + %(window)s::interval - %(before)s::interval,
         %(key)s, %(address)s, false
    FROM n, offered RETURNING id
), line AS (
  INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh,
                                label_en, validity_days, quantity, unit_price, price, payable, reason)
  SELECT placed.id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en, validity_days,
         1, price, price, price, '' FROM placed, offered RETURNING id
), history AS (
  INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
  SELECT n.id, now, %(person)s::bigint, NULL, 0, 'placed' FROM n RETURNING id
), told AS (
  INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, due_at, tries)
  SELECT 'order.placed', n.id, 0, u.id, c.name,
         jsonb_build_object('pay_by', now + %(window)s::interval), now, c.state,
         CASE WHEN c.name = 'mail' THEN now END, 0
    FROM n JOIN accounts_user u ON u.id = %(person)s::bigint
   CROSS JOIN (VALUES ('inbox', 'kept'), ('mail', 'waiting')) AS c(name, state)
   WHERE c.name = 'inbox' OR u.is_active AND u.email <> '' RETURNING id
)
UPDATE catalogue_stock SET held = held + (SELECT count(*) FROM line, history)::int
 WHERE sku_id = %(sku)s
"""


def limit(person: int, sku: int) -> Buyer:
    """One prepared statement, one round trip, one commit; nothing of Django or Shigu around it."""
    connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = 0
    bare = psycopg.Cursor(raw)  # binds on the server, unlike Django's own
    same: dict[str, Any] = {"person": person, "sku": sku, "address": ADDRESS}
    same |= {"zone": settings.TIME_ZONE, "window": settings.PAY_WINDOW}
    same |= {"before": settings.REMIND_BEFORE}

    def buy(key: str) -> None:
        bare.execute(BARE, same | {"key": key})

    return buy


buyers: dict[str, Callable[[int, int], Buyer]] = {
    "shigu": shigu,
    "optimistic": optimistic,
    "for_update": for_update,
    "limit": limit,
}
