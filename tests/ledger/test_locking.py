"""Many at once on the same accounts: nobody waits in a circle, and not one credit is lost."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.breakpoints import reached
from shigu.ledger import posting
from shigu.ledger.models import Account, Event, Transfer
from shigu.ledger.posting import Move, lock, post
from tests.ledger.books import ISSUED, credits_of, give, held_of, standing
from tests.people import alice, bob, carol
from tests.races.together import settled_or_blocked, start, stopped_at, together, wait_until_blocked

pytestmark = pytest.mark.usefixtures("clone")

SIDES, ROUNDS = 6, 15


def people() -> list[User]:
    return [alice(), bob(), carol()]


def storm(account_lock: Callable[[list[int]], Any]) -> list[Any]:
    """Six sides, each holding and releasing credits of several people, in an order of its own."""
    everybody = [one for user in people() for one in (credits_of(user), held_of(user))]
    free = [credits_of(user) for user in people()]

    def side(number: int) -> Callable[[], None]:
        chance = random.Random(number)

        def act() -> None:
            for turn in range(ROUNDS):
                touched = chance.sample(everybody, len(everybody))
                subject = number * ROUNDS + turn + 1
                with transaction.atomic():
                    account_lock(touched)
                    moves = [
                        Move(Event.HOLD, subject, own, own + 1, 1, nth=place)
                        for place, own in enumerate(free)
                    ]
                    post(moves, at=clock.now())

        return act

    return together(*[side(number) for number in range(SIDES)])


def test_many_at_once_lose_nothing() -> None:
    """Whoever asks in whatever order: everything is counted, and nobody waits in a circle."""
    for user in people():
        give(user, 1_000)
    assert storm(lock) == [None] * SIDES
    moved = SIDES * ROUNDS
    for user in people():
        assert standing()[credits_of(user)] == 1_000 - moved
        assert standing()[held_of(user)] == moved
    assert Transfer.objects.filter(kind=Event.HOLD).count() == moved * 3


def test_accounts_are_opened_by_many_at_once() -> None:
    """Nobody has an account yet, everybody wants all of them: each is opened once."""
    users = User.objects.bulk_create([User(username=f"buyer{n}") for n in range(40)])
    wanted = [one for user in users for one in (credits_of(user), held_of(user))]

    def opening(seed: int) -> Callable[[], int]:
        mine = random.Random(seed).sample(wanted, 50)

        def act() -> int:
            with transaction.atomic():
                return len(lock(mine))

        return act

    assert together(*[opening(seed) for seed in range(8)]) == [50] * 8
    picked = {pk for seed in range(8) for pk in random.Random(seed).sample(wanted, 50)}
    assert standing() == dict.fromkeys(picked, 0)


def in_the_order_given(accounts: list[int]) -> None:
    """What `lock` would be without its order."""
    for pk in accounts:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM ledger_account WHERE id = %s FOR NO KEY UPDATE", [pk])


def test_control_without_an_order_they_wait_in_a_circle() -> None:
    """Negative control: the same storm, locked as it comes, ends in deadlocks."""
    for user in people():
        with transaction.atomic():
            lock([credits_of(user), held_of(user)])
        give(user, 1_000)
    answers = storm(in_the_order_given)
    assert any(isinstance(a, OperationalError) and "deadlock" in str(a) for a in answers), answers


# -- one opens a low account while another holds a high one ------------------------------------------


def open_in_between() -> list[Any]:
    """A wants bob's (there) and alice's (not there); it is opened by others; then B wants both."""
    low, high = sorted([credits_of(alice()), credits_of(bob())])
    give(bob() if high == credits_of(bob()) else alice(), 100)

    def both() -> dict[int, int]:
        with transaction.atomic():
            return lock([low, high])

    def only_low() -> None:
        with transaction.atomic():
            lock([low])

    with stopped_at("ledger.lock.opening") as stop:
        one = start(both)
        stop.wait()
        start(only_low).result()
        other = start(both)
        settled_or_blocked(other, 3)
        stop.release()
        return [one.result(), other.result()]


def test_opening_waits_for_nobody_with_something_in_hand() -> None:
    """Where an account is missing nothing is locked before it is opened, so there is no circle."""
    answers = open_in_between()
    assert [sorted(answer.values()) for answer in answers] == [[0, 100], [0, 100]]


def test_control_locking_what_is_there_first_ends_in_a_deadlock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: a lock that takes what it finds and opens the rest afterwards."""
    greedy = re.sub(r"AND \(SELECT count.*many\)s", "AND %(many)s > 0", posting.LOCK, flags=re.S)
    assert greedy != posting.LOCK
    monkeypatch.setattr(posting, "LOCK", greedy)
    answers = open_in_between()
    assert any("deadlock" in str(answer) for answer in answers), answers


# -- looking at a balance and then spending it ---------------------------------------------------------


def spend_from_two_tabs(look: Callable[[int], int]) -> list[Any]:
    """Both tabs want 80 of 100 credits: each looks, then spends what it saw."""
    give(alice(), 100)
    own = credits_of(alice())
    with transaction.atomic():
        lock([own, held_of(alice())])

    def tab(subject: int) -> Callable[[], str]:
        def act() -> str:
            with transaction.atomic():
                there = look(own)
                reached("test.looked")
                if there < 80:
                    return "too little"
                post([Move(Event.HOLD, subject, own, held_of(alice()), 80)], at=clock.now())
            return "held"

        return act

    with stopped_at("test.looked") as stop:
        one = start(tab(1))
        stop.wait()
        other = start(tab(2))
        settled_or_blocked(other, 3)
        stop.release()
        return [one.result(), other.result()]


def test_credits_seen_under_the_lock_are_there() -> None:
    """The second tab waits, and sees what the first one left."""
    assert spend_from_two_tabs(lambda pk: lock([pk])[pk]) == ["held", "too little"]
    assert standing()[credits_of(alice())] == 20


def test_control_credits_seen_without_the_lock_are_not() -> None:
    """Negative control: both saw 100; the second meets the constraint instead of an answer."""
    answers = spend_from_two_tabs(lambda pk: posting.balances([pk])[pk])
    assert sum(answer == "held" for answer in answers) == 1
    assert "account_not_below_zero" in str(answers), answers


def test_control_balances_written_without_a_lock_lose_credits() -> None:
    """Negative control: read, add, write, as a simple account does it, forgets what came in between."""
    give(alice(), 100)

    def add() -> None:
        with transaction.atomic():
            row = Account.objects.get(pk=credits_of(alice()))
            reached("test.read")
            row.balance += 10
            row.save(update_fields=["balance"])

    with stopped_at("test.read") as stop:
        one = start(add)
        stop.wait()
        assert start(add).result() is None
        stop.release()
        one.result()
    assert standing()[credits_of(alice())] == 110


def test_two_sides_really_meet_on_one_account() -> None:
    """The tools themselves: the second side is seen waiting for the first one's account."""
    give(alice(), 100)

    def earn(subject: int) -> Callable[[], None]:
        def act() -> None:
            with transaction.atomic():
                lock([credits_of(alice())])
                post([Move(Event.EARN, subject, ISSUED, credits_of(alice()), 10)], at=clock.now())
                reached("test.posted")

        return act

    with stopped_at("test.posted") as stop:
        one = start(earn(70_001))
        stop.wait()
        other = start(earn(70_002))
        wait_until_blocked()
        stop.release()
        assert [one.result(), other.result()] == [None, None]
    assert standing()[credits_of(alice())] == 120
