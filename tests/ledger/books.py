"""Accounts as the tests of this room fill them: `give(user, 100)`, `standing()`, and everything there is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from django.db import connection, transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.ledger.models import Account, Book, Event, Transfer, account
from shigu.ledger.posting import Move, lock, post

_subjects = itertools.count(1)

ISSUED, REDEEMED = account(Book.ISSUED), account(Book.REDEEMED)
SALES, CLEARING = account(Book.SALES), account(Book.CLEARING)


def credits_of(user: User) -> int:
    """The account of somebody's free credits."""
    return account(Book.CREDITS, user.pk)


def held_of(user: User) -> int:
    """The account of what somebody's orders hold of them."""
    return account(Book.CREDITS_HELD, user.pk)


def balance_of(user: User) -> int:
    """The account of somebody's balance."""
    return account(Book.BALANCE, user.pk)


def write(*moves: Move) -> None:
    """Lock what these moves touch, and post them, as a verb does."""
    with transaction.atomic():
        lock([pk for move in moves for pk in (move.debit, move.credit) if not pk & 16])
        post(moves, at=clock.now())


def give(user: User, amount: int, *, subject: int | None = None) -> Move:
    """Credits out of nowhere, as if earned."""
    subject = next(_subjects) if subject is None else subject
    move = Move(Event.EARN, subject, ISSUED, credits_of(user), amount)
    write(move)
    return move


def run(sql: str, params: Sequence[object] = ()) -> int:
    """Raw SQL; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return int(cursor.rowcount)


def standing() -> dict[int, int]:
    """All accounts with their balances."""
    return dict(Account.objects.values_list("pk", "balance"))


def everything() -> list[object]:
    """Every row of the ledger: equal before and after is "nothing changed"."""
    return [list(model.objects.order_by("pk").values()) for model in (Account, Transfer)]
