"""Statements: newest first, each with what stood after it; one query, by index, however long the life."""

from __future__ import annotations

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu.accounts.models import User
from shigu.ledger import statements
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.ledger.statements import house, people, statement
from tests.ledger.books import (
    CLEARING,
    ISSUED,
    REDEEMED,
    SALES,
    balance_of,
    credits_of,
    give,
    held_of,
    run,
    write,
)
from tests.people import alice, bob

pytestmark = pytest.mark.django_db


def of_credits(user: User, **page: int) -> statements.Statement:
    return statement(credits_of(user), held_on=held_of(user), **page)


def lived() -> None:
    """Alice earned 100, one order of hers lapsed and was paid after all, another waits."""
    give(alice(), 100)
    own, held = credits_of(alice()), held_of(alice())
    write(Move(Event.HOLD, 1, own, held, 30))
    write(Move(Event.RELEASE, 1, held, own, 30))
    write(Move(Event.SPEND, 1, own, REDEEMED, 30, nth=1))
    write(Move(Event.HOLD, 2, own, held, 20))
    write(Move(Event.SPEND, 2, held, REDEEMED, 20))
    write(Move(Event.HOLD, 3, own, held, 5))
    write(Move(Event.ADJUST, 4, ISSUED, own, 7, note="sorry"))


def test_a_statement_tells_the_story() -> None:
    """Each entry with its sign, what it did to what is held, and what stood after it."""
    lived()
    told = of_credits(alice())
    assert (told.balance, told.held, told.count) == (52, 5, 8)
    story = [(e.kind, e.subject, e.amount, e.after, e.held, e.held_after) for e in told.entries]
    assert story == [
        (Event.ADJUST, 4, 7, 52, 0, 5),
        (Event.HOLD, 3, -5, 45, 5, 5),
        (Event.SPEND, 2, 0, 50, -20, 0),
        (Event.HOLD, 2, -20, 50, 20, 20),
        (Event.SPEND, 1, -30, 70, 0, 0),
        (Event.RELEASE, 1, 30, 100, -30, 0),
        (Event.HOLD, 1, -30, 70, 30, 30),
        (Event.EARN, told.entries[-1].subject, 100, 100, 0, 0),
    ]
    assert [e.note for e in told.entries] == ["sorry", *[""] * 7]
    assert all(e.at for e in told.entries)


def test_pages_of_a_statement_fit_together() -> None:
    """Page by page it is the same story, with the same balances; past the end there is nothing."""
    lived()
    whole = of_credits(alice(), most=99).entries
    pages = [of_credits(alice(), first=first, most=3) for first in (0, 3, 6, 9)]
    assert [e for page in pages for e in page.entries] == whole
    assert [len(page.entries) for page in pages] == [3, 3, 2, 0]
    assert {(page.balance, page.held, page.count) for page in pages} == {(52, 5, 8)}


def test_fen_have_a_statement_of_their_own() -> None:
    """A balance is one account; credits of the same person do not stand in it."""
    lived()
    write(Move(Event.TOP_UP, 1, CLEARING, balance_of(alice()), 5_000))
    write(Move(Event.PAYMENT, 2, balance_of(alice()), SALES, 1_200))
    told = statement(balance_of(alice()))
    assert (told.balance, told.held, told.count) == (3_800, 0, 2)
    assert [(e.kind, e.amount, e.after) for e in told.entries] == [
        (Event.PAYMENT, -1_200, 3_800),
        (Event.TOP_UP, 5_000, 5_000),
    ]


def test_whoever_did_nothing_has_an_empty_statement() -> None:
    """No account, no entries, nothing; and what alice did is not bob's."""
    lived()
    assert of_credits(bob()) == statements.Statement(0, 0, 0, [])
    assert statement(balance_of(alice())) == statements.Statement(0, 0, 0, [])


def test_balances_after_each_entry_agree_with_adding_up() -> None:
    """Two hundred moves at random, in pages of seven: each balance is the sum of all before it."""
    chance, own, held = random.Random(7), credits_of(alice()), held_of(alice())
    give(alice(), 10_000)
    free, kept, story = 10_000, 0, []
    for subject in range(1, 201):
        kind = chance.choice([Event.HOLD, Event.RELEASE, Event.SPEND, Event.GIVE_BACK])
        amount = chance.randint(1, 40)
        if kind in (Event.RELEASE, Event.SPEND) and kept < amount:
            kind = Event.HOLD
        debit, credit, dfree, dkept = {
            Event.HOLD: (own, held, -1, 1),
            Event.RELEASE: (held, own, 1, -1),
            Event.SPEND: (held, REDEEMED, 0, -1),
            Event.GIVE_BACK: (REDEEMED, own, 1, 0),
        }[kind]
        write(Move(kind, subject, debit, credit, amount))
        free, kept = free + dfree * amount, kept + dkept * amount
        story.append((subject, free, kept))
    found = [
        (e.subject, e.after, e.held_after)
        for first in range(0, 200, 7)
        for e in of_credits(alice(), first=first, most=min(7, 200 - first)).entries
    ]
    assert found == story[::-1]


def test_a_statement_is_one_query_whatever_its_length() -> None:
    """Eight entries, one page or another, cost what an empty one costs."""
    lived()
    for user, page in ((alice(), {}), (alice(), {"first": 4, "most": 2}), (bob(), {})):
        with CaptureQueriesContext(connection) as asked:
            of_credits(user, **page)
        assert len(asked) == 1


def test_a_statement_reads_only_its_own_entries() -> None:
    """Among twenty thousand transfers of others both partial indexes lead to the few that count."""
    run(
        "INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)"
        " SELECT 'earn', 100000 + n, 0, 49, ((n % 3000 + 900) << 8) | 33, 1, now(), ''"
        " FROM generate_series(1, 20000) n"
    )
    lived()
    run("ANALYZE ledger_transfer")
    params = {"own": credits_of(alice()), "held": held_of(alice()), "first": 0, "upto": 10}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statements.STATEMENT}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "transfer_from" in plan
    assert "transfer_to" in plan
    assert "Seq Scan on ledger_transfer" not in plan, plan


def test_the_house_stands_against_its_people() -> None:
    """Each book of the house as a sum, each of people's as kept: together nothing, in both units."""
    lived()
    write(Move(Event.TOP_UP, 1, CLEARING, balance_of(bob()), 5_000))
    write(Move(Event.PAYMENT, 2, balance_of(bob()), SALES, 1_200))
    write(Move(Event.REFUND, 3, SALES, account(Book.TRANSIT), 200))
    assert house() == {
        Book.SALES: 1_000,
        Book.CLEARING: -5_000,
        Book.TRANSIT: 200,
        Book.FORFEITED: 0,
        Book.GIVEN: 0,
        Book.ISSUED: -107,
        Book.REDEEMED: 50,
    }
    assert people() == {
        Book.BALANCE: 3_800,
        Book.DEPOSIT: 0,
        Book.CREDITS: 52,
        Book.CREDITS_HELD: 5,
    }
    for credits in (True, False):
        books = {**house(), **people()}
        assert sum(amount for book, amount in books.items() if bool(book & 32) is credits) == 0
