"""Accounts against a dictionary: whatever is posted in whatever order, both say the same."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.auditing import offending
from shigu.ledger.auditing import SUMS, ZERO
from shigu.ledger.models import HOUSE, Book, Event, Transfer, account
from shigu.ledger.posting import Move, lock, post
from shigu.ledger.statements import house, people
from shigu.ledger.statements import statement as statement_of
from tests.ledger.books import standing

PEOPLE = (1, 2, 3)
CREDITS = [account(book, who) for who in PEOPLE for book in (Book.CREDITS, Book.CREDITS_HELD)]
FEN = [account(Book.BALANCE, who) for who in PEOPLE]
PLACES = [*CREDITS, *FEN, *[account(book) for book in Book if book & HOUSE]]

MOVE = st.builds(
    Move,
    kind=st.sampled_from([Event.EARN, Event.HOLD, Event.ADJUST]),
    subject=st.integers(1, 6),
    debit=st.sampled_from(PLACES),
    credit=st.sampled_from(PLACES),
    amount=st.integers(-1, 60),
    nth=st.integers(0, 1),
)
POSTINGS = st.lists(st.lists(MOVE, min_size=1, max_size=5), max_size=25)


class Books:
    """The same ledger, slow and obvious."""

    def __init__(self) -> None:
        self.has: dict[int, int] = dict.fromkeys(PLACES, 0)
        self.known: set[tuple[Event, int, int]] = set()

    def post(self, moves: list[Move]) -> bool:
        """Write all of it or nothing; did it?"""
        has, known = dict(self.has), set(self.known)
        for move in moves:
            event = (move.kind, move.subject, move.nth)
            mixed = (move.debit & 32) != (move.credit & 32)
            if event in known or mixed or move.amount <= 0 or move.debit == move.credit:
                return False
            known.add(event)
            has[move.debit] -= move.amount
            has[move.credit] += move.amount
        if any(amount < 0 for pk, amount in has.items() if not pk & HOUSE):
            return False
        self.has, self.known = has, known
        return True


def posted(moves: list[Move]) -> bool:
    """The real one; did it?"""
    try:
        with transaction.atomic():
            lock([pk for move in moves for pk in (move.debit, move.credit) if not pk & HOUSE])
            post(moves, at=clock.now())
    except IntegrityError:
        return False
    return True


@pytest.mark.django_db
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POSTINGS)
def test_the_ledger_is_a_dictionary_that_remembers(postings: list[list[Move]]) -> None:
    """Same answers, same balances, same sums of the house; statements add up; nothing is offended."""
    savepoint, books = transaction.savepoint(), Books()
    User.objects.bulk_create([User(pk=pk, username=f"buyer{pk}") for pk in PEOPLE])
    for moves in postings:
        assert posted(moves) == books.post(moves), moves
    for pk in [*CREDITS, *FEN]:
        assert standing().get(pk, 0) == books.has[pk]
        told = statement_of(pk, most=1_000)
        assert told.balance == books.has[pk] == sum(entry.amount for entry in told.entries)
    assert house() == {book: books.has[account(book)] for book in Book if book & HOUSE}
    assert sum(people().values()) + sum(house().values()) == 0
    assert Transfer.objects.count() == len(books.known)
    assert offending(SUMS) == offending(ZERO) == []
    transaction.savepoint_rollback(savepoint)
