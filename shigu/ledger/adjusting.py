"""Operators give or take credits or balance, with a reason that the buyer reads in the statement.

Each adjustment has a number, drawn by `draw` when its form is shown: the transfer's subject, so a form
that is sent twice counts once. Credits come from what the shop issues, fen from what it gives.
"""

from __future__ import annotations

from django.db import IntegrityError, connection, transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.kit.errors import constraint_of
from shigu.ledger.errors import AdjustedAlready, NotAdjustable, NothingThere, TooLittleThere
from shigu.ledger.figures import figure
from shigu.ledger.models import Book, Event, Transfer, account, book_of
from shigu.ledger.posting import Move, lock, post

AGAINST = {Book.CREDITS: Book.ISSUED, Book.BALANCE: Book.GIVEN}
"""What can be adjusted, and the house's book on the other side."""


def draw() -> int:
    """The number of an adjustment to be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ledger_adjustment')")
        [number] = cursor.fetchone()
    return int(number)


def open_account(book: Book, user_id: int) -> int:
    """The id of somebody's account, opened where nobody used it yet. NotAdjustable for other books."""
    if book not in AGAINST:
        raise NotAdjustable
    with transaction.atomic(durable=True):
        lock([account(book, user_id)])
    return account(book, user_id)


def adjust(account_id: int, amount: int, *, number: int, reason: str, by: int) -> None:
    """Give `amount` (credits or fen) to an account or, below zero, take it away.

    1. Lock the account; what was booked under this number before is refused.
    2. Nobody is taken more than is there.
    3. One transfer, against the house's book.
    """
    if book_of(account_id) not in AGAINST:
        raise NotAdjustable
    if not amount:
        raise NothingThere
    try:
        with transaction.atomic(durable=True):
            _book(account_id, amount, number=number, reason=reason, by=by)
    except IntegrityError as error:
        # Sent twice at once, for two accounts: they share no lock, only the number.
        if constraint_of(error) != "transfer_once":
            raise
        raise AdjustedAlready from error


def _book(account_id: int, amount: int, *, number: int, reason: str, by: int) -> None:
    there = lock([account_id])[account_id]
    reached("ledger.adjust.locked")
    if Transfer.objects.filter(kind=Event.ADJUST, subject=number).exists():
        raise AdjustedAlready
    book = book_of(account_id)
    if there + amount < 0:
        raise TooLittleThere(there=figure(book, there), wanted=figure(book, -amount))
    house = account(AGAINST[book])
    debit, credit = (house, account_id) if amount > 0 else (account_id, house)
    move = Move(Event.ADJUST, number, debit, credit, abs(amount), by=by, note=reason)
    post([move], at=clock.now())
