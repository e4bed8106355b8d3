"""An order's credits in the ledger: held while it is unpaid, spent when it is paid, back when it ends.

Each is one transfer per order and round, so an order that lapses, is restored and lapses again gives
back twice, each once. `locked` comes first, after coupon grants and before SKUs; then `post` what the
`…_moves` say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from django.conf import settings

from shigu.kit.database import bigints
from shigu.kit.money import Fen
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders.models import Order

Row: TypeAlias = tuple[int, int, int, int]
"""An order as (id, user, round, credits)."""

ISSUED, REDEEMED = account(Book.ISSUED), account(Book.REDEEMED)


def locked(user_ids: Collection[int]) -> dict[int, int]:
    """The free credits of these users; both of their accounts are open, and locked."""
    books = (Book.CREDITS, Book.CREDITS_HELD)
    found = posting.lock([account(book, user) for user in user_ids for book in books])
    return {user: found[account(Book.CREDITS, user)] for user in user_ids}


def of(user_id: int) -> int:
    """Somebody's free credits as seen now: for pages, never for a decision."""
    [free] = posting.balances([account(Book.CREDITS, user_id)]).values()
    return free


def worth(credits: int) -> Fen:
    """What so many credits are in fen."""
    return credits * (100 // settings.CREDITS_PER_YUAN)


def earned_by(payable: Fen) -> int:
    """What paying `payable` fen earns."""
    return payable // 100 * settings.CREDITS_EARNED_PER_YUAN


def hold_moves(rows: Iterable[Row]) -> list[Move]:
    """Credits of orders that begin to wait for payment."""
    return [_own(Event.HOLD, row, Book.CREDITS, Book.CREDITS_HELD) for row in rows]


RELEASES = """
SELECT %(release)s AS kind, id AS subject, round AS nth, user_id << 8 | %(held)s AS debit,
       user_id << 8 | %(free)s AS credit, credits AS amount, NULL::bigint AS by_id, '' AS note, id AS place
  FROM orders_order WHERE id = ANY(%(orders)s::bigint[]) AND credits > 0
"""
"""The moves of credits of orders that ended unpaid, for `posting.post_from`; see `of_orders`."""


def of_orders(order_ids: Collection[int]) -> dict[str, Any]:
    """The values that `RELEASES` takes."""
    books = {"held": Book.CREDITS_HELD.value, "free": Book.CREDITS.value}
    return {"orders": bigints(order_ids), "release": Event.RELEASE.value, **books}


def settle_moves(orders: Iterable[Order], *, held: bool) -> list[Move]:
    """What paid orders spend, from what they held or, revived, from what is free; and what they earn."""
    book = Book.CREDITS_HELD if held else Book.CREDITS
    moves = []
    for order in orders:
        buyer = account(Book.CREDITS, order.user_id)
        if order.credits:
            source = account(book, order.user_id)
            moves.append(Move(Event.SPEND, order.pk, source, REDEEMED, order.credits, order.round))
        if order.earned:
            moves.append(Move(Event.EARN, order.pk, ISSUED, buyer, order.earned, order.round))
    return moves


def give_back_moves(orders: Iterable[Order]) -> list[Move]:
    """Spent credits of refunded orders."""
    return [
        Move(
            Event.GIVE_BACK,
            order.pk,
            REDEEMED,
            account(Book.CREDITS, order.user_id),
            order.credits,
            order.round,
        )
        for order in orders
        if order.credits
    ]


def take_back(order: Order, free: Mapping[int, int]) -> tuple[list[Move], Fen]:
    """Earned credits of an order to be refunded, as far as they are there; what the missing ones are worth."""
    there = min(order.earned, free[order.user_id])
    missing = worth(order.earned - there)
    if not there:
        return [], missing
    buyer = account(Book.CREDITS, order.user_id)
    return [Move(Event.TAKE_BACK, order.pk, buyer, ISSUED, there, order.round)], missing


def _own(event: Event, row: Row, debit: Book, credit: Book) -> Move:
    order_id, user, nth, credits = row
    return Move(event, order_id, account(debit, user), account(credit, user), credits, nth)
