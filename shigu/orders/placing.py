"""Placing: what a buyer chose becomes an unpaid order that holds its pieces until `pay_by`.

The inner step takes a list, so that those who wait for the same SKU are placed together in one
transaction (`orders.committing.place` is the door; it gathers them). An order that is refused leaves
the group with its own answer and writes nothing. Equal keys of one buyer are one order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from shigu.catalogue import stock
from shigu.catalogue.models import Kind, Sku
from shigu.catalogue.stock import Change
from shigu.kit.breakpoints import reached
from shigu.kit.errors import Refusal
from shigu.ledger import posting
from shigu.notices import outbox
from shigu.orders import buying, credits, pricing, quoting, reminding
from shigu.orders.admission import Admission, Choice, Placing
from shigu.orders.lines import line_kinds
from shigu.orders.locks import lock_buyers
from shigu.orders.models import CartLine, Order
from shigu.orders.settling import settle_free
from shigu.promotions import holding


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that stands; `repeated` when this key had placed it before."""

    order_id: int
    number: str
    repeated: bool = False


Answer = Placed | Refusal
Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """An admitted request on its way to becoming rows."""

    placing: Placing
    order_id: int
    number: str
    quote: pricing.Quote
    pieces: dict[int, int]
    """Pieces to hold by SKU: its goods, not its courses."""


REPEATS = """
SELECT o.user_id, o.key, o.id, o.number
  FROM unnest(%s::bigint[], %s::text[]) AS k(user_id, key)
  JOIN orders_order o ON o.user_id = k.user_id AND o.key = k.key
"""

DRAW = """
SELECT shigu_clock(), array_agg(nextval(pg_get_serial_sequence('orders_order', 'id')))
  FROM generate_series(1, %s)
"""

WRITE = """
WITH fresh AS (
  SELECT * FROM jsonb_to_recordset(%(orders)s::jsonb) AS r(
    id bigint, number text, user_id bigint, key text, sent_to text, list_total bigint, payable bigint,
    grant_id bigint, coupon_off bigint, credits int, credits_off bigint)
), orders AS (
  INSERT INTO orders_order (id, number, user_id, status, round, list_total, payable, placed_at,
                            pay_by, due_at, remind_at, key, sent_to, hidden, grant_id, coupon_off,
                            credits, credits_off)
  SELECT id, number, user_id, 0, 0, list_total, payable, %(at)s, %(pay_by)s, %(pay_by)s, %(remind_at)s, key,
         sent_to, false, grant_id, coupon_off, credits, credits_off FROM fresh
), lines AS (
  INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh,
                                label_en, validity_days, quantity, unit_price, price, payable,
                                coupon_off, credits, credits_off, reason, activity_zh, activity_en,
                                is_renewal)
  SELECT r.order_id, p.kind, p.id, s.id, p.name_zh, p.name_en, s.label_zh, s.label_en,
         s.validity_days, r.quantity, r.unit_price, r.price, r.payable,
         r.coupon_off, r.credits, r.credits_off, r.reason, r.activity_zh, r.activity_en, r.is_renewal
    FROM jsonb_to_recordset(%(lines)s::jsonb) AS r(
           place int, order_id bigint, sku_id bigint, quantity int, unit_price bigint,
           price bigint, payable bigint, coupon_off bigint, credits int, credits_off bigint,
           reason text, activity_zh text, activity_en text, is_renewal boolean)
    JOIN catalogue_sku s ON s.id = r.sku_id JOIN catalogue_product p ON p.id = s.product_id
   ORDER BY r.place
), history AS (
  INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
  SELECT id, %(at)s, user_id, NULL, 0, 'placed' FROM fresh
), told AS (TELLING)
DELETE FROM orders_cartline WHERE id = ANY(%(carts)s::bigint[])
"""
BUYERS = """
SELECT user_id, id, 0::smallint, jsonb_build_object('pay_by', %(pay_by)s::timestamptz) FROM fresh
"""


def place_many(placings: Sequence[Placing]) -> list[Answer]:
    """Place all of these in one transaction; one answer each, in the order given.

    1. Lock the buyers: one of them places one thing at a time, so two tabs make one order.
    2. Keys seen before answer with the order they made.
    3. Draw ids and the time; read offers, terms, carts, courses in hand; lock courses, coupons,
       credits and, last, the SKUs.
    4. Admit one after the other, sorted by key; whoever is refused leaves the group.
    5. Write orders, lines, history, notices, take the lines out of the carts; hold coupons, credits, pieces.
    6. What costs nothing is settled at once.
    """
    with transaction.atomic(durable=True):
        lock_buyers([placing.user_id for placing in placings])
        answers: dict[Key, Answer] = _repeats(placings)
        fresh = _each_once(placing for placing in placings if _key(placing) not in answers)
        if fresh:
            now, ids = _draw(len(fresh))
            drafts = _admitted(fresh, ids, now, answers)
            reached("orders.place.admitted")
            _hold_and_write(drafts, now)
            answers |= {_key(d.placing): Placed(d.order_id, d.number) for d in drafts}
        reached("orders.place.done")
    return [answers[_key(placing)] for placing in placings]


def _key(placing: Placing) -> Key:
    return placing.user_id, placing.key


def _each_once(placings: Iterable[Placing]) -> list[Placing]:
    """Sorted by key; of two equal keys of one buyer the first, whose answer both get."""
    unique = {_key(placing): placing for placing in reversed(list(placings))}
    return sorted(unique.values(), key=lambda placing: (placing.key, placing.user_id))


def _repeats(placings: Sequence[Placing]) -> dict[Key, Answer]:
    with connection.cursor() as cursor:
        cursor.execute(REPEATS, [[p.user_id for p in placings], [p.key for p in placings]])
        return {
            (user, key): Placed(pk, number, True) for user, key, pk, number in cursor.fetchall()
        }


def _draw(count: int) -> tuple[datetime, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(DRAW, [count])
        now, ids = cursor.fetchone()
    return now, ids


def _admitted(
    placings: Sequence[Placing], ids: Sequence[int], now: datetime, answers: dict[Key, Answer]
) -> list[Draft]:
    admission = _read(placings, now)
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y%m%d")
    drafts = []
    for placing, order_id in zip(placings, ids, strict=True):
        number = f"{day}{placing.user_id:04d}{order_id:06d}"
        try:
            quote = admission.admit(placing, number)
        except Refusal as refusal:
            answers[_key(placing)] = refusal
        else:
            drafts.append(Draft(placing, order_id, number, quote, admission.pieces(placing)))
    return drafts


def _read(placings: Sequence[Placing], now: datetime) -> Admission:
    """What admission decides from. The locks are taken here, in the order of `docs/locking.md`."""
    wanted = {choice.sku_id for placing in placings for choice in placing.choices}
    offered = Sku.objects.select_related("product__category").in_bulk(wanted)
    carts = [line for placing in placings for line in placing.cart_lines]
    courses = _courses(placings, offered)
    if courses:  # What turns out to cost nothing is settled in this very transaction.
        line_kinds[Kind.COURSE].lock(courses)
    grants = holding.locked({p.grant_id for p in placings if p.grant_id})
    spenders = {p.user_id for p in placings if p.credits}
    return Admission(
        now=now,
        terms=quoting.terms((p.user_id for p in placings), now),
        offered=offered,
        carts=CartLine.objects.in_bulk(carts) if carts else {},
        in_hand=buying.courses_in_hand(courses, now=now),
        grants=grants,
        vouchers=quoting.vouchers(grants.values()),
        credits=credits.locked(spenders) if spenders else {},
        free=_locked_free(offered),
    )


def _courses(placings: Sequence[Placing], offered: dict[int, Sku]) -> set[tuple[int, int]]:
    """The (buyer, course) pairs that these requests are about."""
    return {
        (placing.user_id, offered[choice.sku_id].product_id)
        for placing in placings
        for choice in placing.choices
        if choice.sku_id in offered and offered[choice.sku_id].product.kind == Kind.COURSE
    }


def _locked_free(offered: dict[int, Sku]) -> dict[int, int]:
    goods = [pk for pk, sku in offered.items() if sku.product.kind == Kind.GOODS]
    return stock.locked_free(goods) if goods else {}


def _hold_and_write(drafts: Sequence[Draft], now: datetime) -> None:
    if not drafts:
        return
    _write(drafts, now)
    holding.hold({d.placing.grant_id: d.order_id for d in drafts if d.placing.grant_id})
    used = [(d.order_id, d.placing.user_id, 0, d.quote.credits) for d in drafts if d.quote.credits]
    posting.post(credits.hold_moves(used), at=now)
    stock.move({sku: Change(held=pieces) for sku, pieces in _pieces(drafts).items()})
    if free := [draft.order_id for draft in drafts if draft.quote.payable == 0]:
        settle_free(list(Order.objects.filter(pk__in=free).order_by("pk")), now=now)


def _write(drafts: Sequence[Draft], now: datetime) -> None:
    values: dict[str, Any] = {
        "orders": json.dumps([_order_row(draft) for draft in drafts]),
        "lines": json.dumps([row for draft in drafts for row in _line_rows(draft)]),
        "carts": [line for draft in drafts for line in draft.placing.cart_lines],
        "at": now,
        "pay_by": now + settings.PAY_WINDOW,
        "remind_at": reminding.moment(now),
        "event": "order.placed",
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE.replace("TELLING", outbox.telling(BUYERS)), values)


def _order_row(draft: Draft) -> dict[str, object]:
    placing = draft.placing
    return {
        "id": draft.order_id,
        "number": draft.number,
        "user_id": placing.user_id,
        "key": placing.key,
        "sent_to": placing.sent_to,
        "list_total": draft.quote.list_total,
        "payable": draft.quote.payable,
        "grant_id": placing.grant_id,
        "coupon_off": draft.quote.coupon_off,
        "credits": draft.quote.credits,
        "credits_off": draft.quote.credits_off,
    }


def _line_rows(draft: Draft) -> list[dict[str, object]]:
    lines = zip(draft.placing.choices, draft.quote.lines, strict=True)
    return [_line_row(draft, place, choice, priced) for place, (choice, priced) in enumerate(lines)]


def _line_row(
    draft: Draft, place: int, choice: Choice, priced: pricing.Priced
) -> dict[str, object]:
    activity = priced.activity
    return {
        "place": place,
        "order_id": draft.order_id,
        "sku_id": choice.sku_id,
        "quantity": choice.quantity,
        "unit_price": choice.seen,
        "price": priced.price,
        "payable": priced.payable,
        "coupon_off": priced.coupon_off,
        "credits": priced.credits,
        "credits_off": priced.credits_off,
        "reason": activity.kind if activity else "",
        "activity_zh": activity.name_zh if activity else "",
        "activity_en": activity.name_en if activity else "",
        "is_renewal": choice.renew,
    }


def _pieces(drafts: Sequence[Draft]) -> dict[int, int]:
    held: Counter[int] = Counter()
    for draft in drafts:
        held.update(draft.pieces)
    return held
