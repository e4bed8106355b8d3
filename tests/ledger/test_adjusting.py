"""Adjusting by hand: with a reason, once per form, never below zero, and nothing that is not one's own."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from shigu.kit.auditing import audits, offending
from shigu.kit.errors import Refusal
from shigu.ledger import adjusting
from shigu.ledger.adjusting import adjust, draw, open_account
from shigu.ledger.errors import AdjustedAlready, NotAdjustable, NothingThere, TooLittleThere
from shigu.ledger.models import Book, Event, Transfer, account
from shigu.ledger.statements import house
from tests.ledger.books import balance_of, credits_of, everything, give, held_of, standing
from tests.people import alice, bob, operator
from tests.races.together import settled_or_blocked, start, stopped_at, together

pytestmark = pytest.mark.usefixtures("clone")


def by_hand(account_id: int, amount: int, number: int = 0, reason: str = "a kind word") -> None:
    adjust(account_id, amount, number=number or draw(), reason=reason, by=operator().pk)


def refused(why: type[Refusal], account_id: int, amount: int, number: int = 0) -> Refusal:
    """Refused, and not a row changed."""
    before = everything()
    with pytest.raises(why) as caught:
        by_hand(account_id, amount, number)
    assert everything() == before
    return caught.value


def test_giving_and_taking_is_on_record() -> None:
    """Credits from what is issued, fen from what is given; each with who and why."""
    by_hand(open_account(Book.CREDITS, alice().pk), 50)
    by_hand(credits_of(alice()), -20, reason="too much")
    by_hand(open_account(Book.BALANCE, bob().pk), 1_000)
    assert standing() == {credits_of(alice()): 30, balance_of(bob()): 1_000}
    assert (house()[Book.ISSUED], house()[Book.GIVEN]) == (-30, -1_000)
    rows = Transfer.objects.filter(kind=Event.ADJUST).order_by("pk")
    assert [(row.amount, row.note, row.by_id) for row in rows] == [
        (50, "a kind word", operator().pk),
        (20, "too much", operator().pk),
        (1_000, "a kind word", operator().pk),
    ]
    assert not [invariant.title for invariant in audits if offending(invariant)]


def test_an_account_may_be_new() -> None:
    """Adjusting opens what nobody used yet."""
    by_hand(credits_of(alice()), 5)
    assert standing() == {credits_of(alice()): 5}


def test_a_form_sent_twice_counts_once() -> None:
    """The same number again is refused, whatever else the second one says."""
    give(alice(), 100)
    number = draw()
    by_hand(credits_of(alice()), 50, number)
    refused(AdjustedAlready, credits_of(alice()), 50, number)
    refused(AdjustedAlready, credits_of(alice()), -1, number)
    refused(AdjustedAlready, credits_of(bob()), 50, number)
    by_hand(credits_of(alice()), 50)
    assert standing()[credits_of(alice())] == 200


@pytest.mark.parametrize("same", [True, False])
def test_a_form_sent_twice_at_once_counts_once(same: bool) -> None:
    """Eight at a time with one number: one is booked, seven are told so, for one account or two."""
    give(alice(), 100)
    give(bob(), 100)
    number, who = draw(), operator().pk
    places = [credits_of(alice()), credits_of(alice() if same else bob())] * 4

    def send(place: int) -> None:
        adjust(place, 10, number=number, reason="once", by=who)

    answers = together(*[lambda place=place: send(place) for place in places])
    assert sorted(type(answer).__name__ for answer in answers) == [
        *["AdjustedAlready"] * 7,
        "NoneType",
    ]
    assert sum(standing().values()) == 210


def test_nobody_is_taken_more_than_is_there() -> None:
    """The sentence names what is there, in its unit; what orders hold is not there."""
    give(alice(), 1_100)
    by_hand(open_account(Book.BALANCE, alice().pk), 123_456)
    told = refused(TooLittleThere, credits_of(alice()), -1_101)
    assert told.fill == {"there": "1,100", "wanted": "1,101"}
    told = refused(TooLittleThere, balance_of(alice()), -200_000)
    assert told.fill == {"there": "¥1,234.56", "wanted": "¥2,000.00"}
    by_hand(credits_of(alice()), -1_100)
    refused(TooLittleThere, credits_of(alice()), -1)


def test_taking_waits_for_who_spends() -> None:
    """An operator takes 80 of 100 while somebody else does: one of them finds too little."""
    give(alice(), 100)
    who, numbers = operator().pk, [draw(), draw()]

    def take(number: int) -> None:
        adjust(credits_of(alice()), -80, number=number, reason="back", by=who)

    with stopped_at("ledger.adjust.locked") as stop:
        one = start(lambda: take(numbers[0]))
        stop.wait()
        other = start(lambda: take(numbers[1]))
        settled_or_blocked(other)
        stop.release()
        answers = [one.result(), other.result()]
    assert answers[0] is None
    assert isinstance(answers[1], TooLittleThere), answers
    assert standing()[credits_of(alice())] == 20


def test_control_without_the_lock_the_database_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: a look without the lock promises what is not there, and breaks."""
    from shigu.ledger import posting

    monkeypatch.setattr(adjusting, "lock", posting.balances)
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        test_taking_waits_for_who_spends()


def test_what_cannot_be_adjusted() -> None:
    """Held credits follow their orders, the house's books follow everything; nothing is no adjustment."""
    give(alice(), 100)
    for place in (held_of(alice()), account(Book.SALES), account(Book.ISSUED)):
        refused(NotAdjustable, place, 1)
    refused(NothingThere, credits_of(alice()), 0)
    for book in (Book.CREDITS_HELD, Book.SALES):
        with pytest.raises(NotAdjustable):
            open_account(book, alice().pk)


def test_other_faults_are_not_taken_for_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the ledger's own key means "sent before"; any other constraint is a fault and stays one."""
    give(alice(), 100)

    def broken(*_: object, **__: object) -> None:
        with transaction.atomic():
            from tests.ledger.books import run

            run("UPDATE ledger_account SET balance = -1")

    monkeypatch.setattr(adjusting, "post", broken)
    before = everything()
    with pytest.raises(IntegrityError, match="account_not_below_zero"):
        by_hand(credits_of(alice()), 1)
    assert everything() == before


def test_numbers_are_drawn_once() -> None:
    """Every form has its own, also where none was ever sent."""
    assert len({draw() for _ in range(50)}) == 50
