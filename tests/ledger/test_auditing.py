"""The promises of the ledger: each is broken by raw SQL, and the rows are named."""

from __future__ import annotations

import pytest

from shigu.kit.auditing import Invariant, Row, offending
from shigu.ledger import auditing
from shigu.ledger.models import Event
from shigu.ledger.posting import Move
from tests.ledger.books import CLEARING, ISSUED, balance_of, credits_of, give, held_of, run, write
from tests.people import alice, bob

pytestmark = pytest.mark.django_db

A_TRANSFER = (
    "INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)"
    " VALUES (%s, %s, %s, %s, %s, %s, now(), '')"
)
CHECKS = {
    "account_not_below_zero": "ledger_account",
    "account_not_of_the_house": "ledger_account",
    "transfer_in_one_unit": "ledger_transfer",
    "transfer_moves": "ledger_transfer",
}


def off(check: str) -> None:
    """Take one of the database's own guards away, until the test is rolled back."""
    run(f"ALTER TABLE {CHECKS[check]} DROP CONSTRAINT {check}")


def broken(invariant: Invariant) -> list[Row]:
    return offending(invariant)


@pytest.fixture(autouse=True)
def _books() -> None:
    """Two people with something in each unit; every promise holds."""
    for user in (alice(), bob()):
        give(user, 100)
        write(Move(Event.TOP_UP, user.pk, CLEARING, balance_of(user), 5_000))
        write(Move(Event.WELCOME, user.pk, ISSUED, credits_of(user), 10))
    write(Move(Event.HOLD, 1, credits_of(alice()), held_of(alice()), 30))
    assert not [one.title for one in auditing.INVARIANTS if broken(one)]


@pytest.mark.parametrize("amount", [1, -1, 10**12])
def test_a_balance_that_does_not_follow_from_its_transfers(amount: int) -> None:
    """The account is named with both figures; the other accounts are not."""
    off("account_not_below_zero")
    run(
        "UPDATE ledger_account SET balance = balance + %s WHERE id = %s", [amount, held_of(alice())]
    )
    [row] = broken(auditing.SUMS)
    assert row == {
        "account": held_of(alice()),
        "user_id": alice().pk,
        "book": 34,
        "balance": 30 + amount,
        "by_transfers": 30,
    }
    [unit] = broken(auditing.ZERO)
    assert unit["unit"] == 32
    assert unit["people"] + unit["house"] == amount


def test_two_wrongs_make_no_right() -> None:
    """Shifted from one account to another the unit still sums to zero, but both accounts are named."""
    run("UPDATE ledger_account SET balance = balance - 7 WHERE id = %s", [credits_of(alice())])
    run("UPDATE ledger_account SET balance = balance + 7 WHERE id = %s", [credits_of(bob())])
    assert broken(auditing.ZERO) == []
    named = {row["account"] for row in broken(auditing.SUMS)}
    assert named == {credits_of(alice()), credits_of(bob())}


def test_a_transfer_that_reached_no_account() -> None:
    """Written past `post`: its account does not have it."""
    run(A_TRANSFER, ["earn", 777, 0, ISSUED, credits_of(bob()), 5])
    [row] = broken(auditing.SUMS)
    assert (row["account"], row["balance"], row["by_transfers"]) == (credits_of(bob()), 110, 115)
    assert broken(auditing.ZERO)


@pytest.mark.parametrize("place", [9_999_999 << 8 | 33, 255 << 8 | 33, 60, 16])
def test_a_transfer_to_nowhere(place: int) -> None:
    """To or from an account that was never opened, or a book that the house does not have."""
    run(A_TRANSFER, ["earn", 777, 0, ISSUED if place & 32 else CLEARING, place, 5])
    run(A_TRANSFER, ["earn", 778, 0, place, ISSUED if place & 32 else CLEARING, 5])
    assert sorted(row["subject"] for row in broken(auditing.KNOWN)) == [777, 778]


def test_a_transfer_that_is_none() -> None:
    """Between units, of nothing, of less: refused by the database, and seen where it was not."""
    for check in ("transfer_in_one_unit", "transfer_moves"):
        off(check)
    run(A_TRANSFER, ["adjust", 1, 0, CLEARING, credits_of(bob()), 5])
    run(A_TRANSFER, ["adjust", 2, 0, ISSUED, credits_of(bob()), 0])
    run(A_TRANSFER, ["adjust", 3, 0, ISSUED, credits_of(bob()), -5])
    assert sorted(row["subject"] for row in broken(auditing.KNOWN)) == [1, 2, 3]


def test_an_account_below_its_bound() -> None:
    """Somebody owes the shop credits: refused by the database, and seen where it was not."""
    off("account_not_below_zero")
    run("UPDATE ledger_account SET balance = -1 WHERE id = %s", [held_of(alice())])
    assert [row["account"] for row in broken(auditing.BOUNDS)] == [held_of(alice())]


@pytest.mark.parametrize("place", [9_999_999 << 8 | 33, 17, 0])
def test_an_account_of_nobody(place: int) -> None:
    """Of a person that does not exist, or with a row for the house."""
    off("account_not_of_the_house")
    run("INSERT INTO ledger_account (id, balance) VALUES (%s, 0)", [place])
    assert [row["account"] for row in broken(auditing.BOUNDS)] == [place]


def test_an_account_of_no_known_book() -> None:
    """Alice's, but what it holds nobody knows."""
    run("INSERT INTO ledger_account (id, balance) VALUES (%s, 0)", [alice().pk << 8 | 9])
    assert [row["book"] for row in broken(auditing.BOUNDS)] == [9]


def test_a_welcome_to_somebody_else_or_twice() -> None:
    """Alice's welcome on bob's account, out of fen, or a second one."""
    pk = alice().pk
    run(A_TRANSFER, ["welcome", pk, 1, ISSUED, credits_of(alice()), 10])
    run(A_TRANSFER, ["welcome", pk, 0 + 2, ISSUED, credits_of(bob()), 10])
    assert len(broken(auditing.WELCOMED)) == 2
    assert {row["user_id"] for row in broken(auditing.WELCOMED)} == {pk}


def test_rows_are_found_in_every_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at in ranges of a few ids, the same rows are named, each once."""
    from shigu.kit import auditing as looking

    monkeypatch.setattr(looking, "RANGE", 1)
    run("UPDATE ledger_account SET balance = balance + 1")
    everybody = run("SELECT id FROM ledger_account")
    assert len({row["account"] for row in broken(auditing.SUMS)}) == everybody
    assert len(broken(auditing.SUMS)) == everybody
