"""Posting: every event once, both units, nobody below zero, and nothing is ever taken back."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import Error, IntegrityError, connection, transaction

from shigu import clock
from shigu.ledger import posting
from shigu.ledger.models import Account, Book, Event, Transfer, account
from shigu.ledger.posting import Move, balances, lock, post
from tests.ledger.books import (
    CLEARING,
    ISSUED,
    REDEEMED,
    SALES,
    balance_of,
    credits_of,
    everything,
    give,
    held_of,
    run,
    standing,
    write,
)
from tests.people import alice, bob

pytestmark = pytest.mark.django_db


def refused(match: str, *moves: Move) -> None:
    """These are refused with `match`, and not a row changed."""
    before = everything()
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        write(*moves)
    assert everything() == before


def test_moves_are_transfers_and_balances() -> None:
    """Credits and fen in one posting: each row as given, each account by what moved."""
    give(alice(), 100)
    at = clock.now()
    top_up = Move(Event.TOP_UP, 7, CLEARING, balance_of(alice()), 5_000, by=3, note="因为")
    hold = Move(Event.HOLD, 8, credits_of(alice()), held_of(alice()), 30, nth=2)
    with transaction.atomic():
        lock([balance_of(alice()), credits_of(alice()), held_of(alice())])
        post([top_up, hold], at=at)
    assert standing() == {
        credits_of(alice()): 70,
        held_of(alice()): 30,
        balance_of(alice()): 5_000,
    }
    rows = Transfer.objects.order_by("pk")[1:]
    written = [
        Move(r.kind, r.subject, r.debit, r.credit, r.amount, r.nth, r.by_id, r.note) for r in rows
    ]
    assert written == [top_up, hold]
    assert {row.at for row in rows} == {at}


def test_what_comes_in_and_goes_out_at_once_is_netted() -> None:
    """One posting may take more from an account than it had, where it brings it as well."""
    write(
        Move(Event.EARN, 1, ISSUED, credits_of(alice()), 10),
        Move(Event.HOLD, 1, credits_of(alice()), held_of(alice()), 10),
        Move(Event.SPEND, 1, held_of(alice()), REDEEMED, 10),
    )
    assert standing() == {credits_of(alice()): 0, held_of(alice()): 0}


def test_posting_nothing_is_nothing() -> None:
    """No moves: no rows, no error; no accounts: no lock."""
    post([], at=clock.now())
    assert lock([]) == {}
    assert everything() == [[], []]


@pytest.mark.parametrize("nth", [0, 3])
def test_an_event_counts_once(nth: int) -> None:
    """The same event, round and subject is refused, whatever else the second one says."""
    event = Move(Event.EARN, 5, ISSUED, credits_of(alice()), 10, nth=nth)
    write(event)
    refused("transfer_once", event)
    refused("transfer_once", dataclasses.replace(event, credit=credits_of(bob()), amount=1))
    refused("transfer_once", dataclasses.replace(event, subject=6), event)
    write(dataclasses.replace(event, nth=nth + 1), dataclasses.replace(event, kind=Event.GIVE_BACK))
    assert standing() == {credits_of(alice()): 30}


def test_twice_in_one_posting_is_refused_too() -> None:
    """A caller that lists an event twice has a fault, and nothing of it is written."""
    event = Move(Event.EARN, 5, ISSUED, credits_of(alice()), 10)
    refused("transfer_once", event, event)


def test_nobody_goes_below_zero() -> None:
    """One more than there is: refused, in credits and in fen, and what went with it too."""
    give(alice(), 100)
    write(Move(Event.TOP_UP, 1, CLEARING, balance_of(alice()), 50))
    refused(
        "account_not_below_zero",
        Move(Event.HOLD, 1, credits_of(alice()), held_of(alice()), 101),
        Move(Event.EARN, 9_999, ISSUED, credits_of(bob()), 1),
    )
    refused("account_not_below_zero", Move(Event.PAYMENT, 1, balance_of(alice()), SALES, 51))
    write(Move(Event.HOLD, 1, credits_of(alice()), held_of(alice()), 100))
    assert balances([credits_of(alice()), held_of(alice())]) == {
        credits_of(alice()): 0,
        held_of(alice()): 100,
    }


def test_units_do_not_mix() -> None:
    """Credits never become fen nor the other way round, not even inside the house."""
    give(alice(), 100)
    write(Move(Event.TOP_UP, 1, CLEARING, balance_of(alice()), 50))
    for debit, credit in (
        (credits_of(alice()), SALES),
        (balance_of(alice()), REDEEMED),
        (credits_of(alice()), balance_of(alice())),
        (ISSUED, SALES),
    ):
        refused("transfer_in_one_unit", Move(Event.ADJUST, 1, debit, credit, 1))


@pytest.mark.parametrize("amount", [0, -1])
def test_something_moves(amount: int) -> None:
    """Nothing, less than nothing, or from an account to itself, is no transfer."""
    give(alice(), 100)
    refused("transfer_moves", Move(Event.ADJUST, 1, ISSUED, credits_of(alice()), amount))
    refused("transfer_moves", Move(Event.ADJUST, 1, credits_of(alice()), credits_of(alice()), 1))
    refused("transfer_moves", Move(Event.ADJUST, 1, SALES, SALES, 1))


def test_an_account_that_nobody_opened_is_a_programming_error() -> None:
    """Posting without `lock` before it is found at once, and nothing is written."""
    give(alice(), 100)
    before = everything()
    with pytest.raises(LookupError, match="opened"), transaction.atomic():
        post([Move(Event.EARN, 8_888, ISSUED, credits_of(bob()), 1)], at=clock.now())
    assert everything() == before


def test_the_house_has_no_row() -> None:
    """Its books are sums: transfers between them touch no account, and none can be opened."""
    write(Move(Event.REFUND, 1, SALES, account(Book.TRANSIT), 10))
    assert standing() == {}
    with pytest.raises(IntegrityError, match="account_not_of_the_house"), transaction.atomic():
        lock([SALES])
    assert standing() == {}


def test_locking_opens_what_is_missing() -> None:
    """Accounts that are there keep what they have, new ones begin at nothing."""
    give(alice(), 100)
    wanted = [held_of(alice()), credits_of(alice()), credits_of(bob())]
    expected = {credits_of(alice()): 100, held_of(alice()): 0, credits_of(bob()): 0}
    with transaction.atomic():
        assert lock(wanted) == expected
        assert lock([*wanted, *wanted]) == expected
    assert standing() == expected


def test_balances_of_pages_open_nothing() -> None:
    """Whoever has no account has nothing, and still no account."""
    give(alice(), 100)
    assert balances([credits_of(bob()), credits_of(alice())]) == {
        credits_of(bob()): 0,
        credits_of(alice()): 100,
    }
    assert credits_of(bob()) not in standing()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_transfer SET amount = amount + 1",
        "UPDATE ledger_transfer SET note = 'better'",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer",
        "INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)"
        " SELECT kind, subject, nth, debit, credit, 5, at, '' FROM ledger_transfer"
        " ON CONFLICT (kind, subject, nth) DO UPDATE SET amount = 5",
    ],
)
def test_nothing_is_ever_taken_back(sql: str) -> None:
    """The database itself refuses to change, delete or empty, by whatever way."""
    give(alice(), 100)
    before = everything()
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        run(sql)
    assert everything() == before


def test_control_without_the_trigger_it_is_taken_back() -> None:
    """Negative control: it is the trigger that refuses."""
    give(alice(), 100)
    run("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
    assert run("UPDATE ledger_transfer SET amount = amount + 1") == 1
    assert run("DELETE FROM ledger_transfer") == 1
    run("ALTER TABLE ledger_transfer ENABLE TRIGGER USER")


def test_ids_say_whose_and_what() -> None:
    """An account's id holds owner and book, up to the largest user id that fits."""
    for owner in (1, alice().pk, 2**54):
        for book in (Book.BALANCE, Book.CREDITS, Book.CREDITS_HELD):
            row = Account(pk=account(book, owner))
            assert (row.owner, row.book) == (owner, book)
    assert {book & 16 for book in Book if account(book) & 16} == {16}


def test_statements_of_posting_use_their_indexes() -> None:
    """With many accounts, locking, opening and posting look nothing up by reading them all."""
    run("INSERT INTO ledger_account SELECT (n << 8) | 33, 0 FROM generate_series(1, 20000) n")
    run("ANALYZE ledger_account")
    few = [(n << 8) | 33 for n in (5, 77, 19_000)]
    move = {"kind": ["earn"], "subject": [1], "nth": [0], "debit": [ISSUED], "credit": [few[0]]}
    move |= {"amount": [1], "by": [None], "note": [""]}
    statements = [
        (posting.LOCK, {"ids": few, "many": 3}),
        (posting.POST.format(source=posting.MOVES), move | {"at": clock.now(), "house": 16}),
    ]
    for sql, params in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "ledger_account_pkey" in plan
        assert "Seq Scan on ledger_account" not in plan, plan
