"""Joining: a person, their mail address and the welcome, all of it once or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from shigu.accounts import joining
from shigu.accounts.models import User
from shigu.accounts.turnstile import Turnstile
from shigu.kit.breakpoints import at
from shigu.ledger.models import Account, Book, Event, Transfer, account
from tests.auditing import assert_audit_holds
from tests.races.together import start, stopped_at, together, wait_until_blocked

PAPER = {"username": "dora", "email": "dora@shigu.test", "password1": "drums-at-noon-300"}


@pytest.fixture(autouse=True)
def _quiet(plain_files: None, settings: Any, tmp_path: Any) -> Iterator[None]:
    """Plain static files, mail into the test's own folder, limits that begin at nothing."""
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    cache.clear()
    yield
    cache.clear()


def sign_up(**other: str) -> HttpResponse:
    """What the page sends, in English."""
    client = Client(headers={"accept-language": "en"})
    return client.post(reverse("account_signup"), PAPER | other)


def rows() -> tuple[int, ...]:
    """How many people, mail addresses, transfers and accounts there are."""
    models = (User, EmailAddress, Transfer, Account)
    return tuple(model.objects.count() for model in models)


def welcomed() -> list[tuple[str, int]]:
    """Whom the ledger welcomed, with how much."""
    names = dict(User.objects.values_list("pk", "username"))
    found = Transfer.objects.filter(kind=Event.WELCOME).order_by("pk")
    return [(names[row.subject], row.amount) for row in found]


@pytest.mark.usefixtures("clone")
def test_whoever_joins_is_welcomed_once() -> None:
    """The person, a mail address, a hundred credits, in one go."""
    assert sign_up().status_code == 302
    dora = User.objects.get(username="dora")
    assert EmailAddress.objects.get(user=dora).email == "dora@shigu.test"
    assert welcomed() == [("dora", 100)]
    assert Account.objects.get(pk=account(Book.CREDITS, dora.pk)).balance == 100
    assert_audit_holds()


@pytest.mark.usefixtures("clone")
def test_a_shop_may_welcome_with_nothing(settings: Any) -> None:
    """No credits on sign-up: no transfer of nothing, and the person is there."""
    settings.CREDITS_ON_SIGN_UP = 0
    assert sign_up().status_code == 302
    assert User.objects.filter(username="dora").exists()
    assert welcomed() == []


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize(
    "wrong", [{"email": "no mail"}, {"password1": "123"}, {"username": ""}, {"username": "a\0b"}]
)
def test_a_refused_sign_up_welcomes_nobody(wrong: dict[str, str]) -> None:
    """The form comes back, nothing is written."""
    assert sign_up(**wrong).status_code == 200
    assert rows() == (0, 0, 0, 0)


@pytest.mark.usefixtures("clone")
def test_signing_up_again_welcomes_nobody_again() -> None:
    """The same paper, the same name with another mail, the same mail with another name."""
    sign_up()
    before = rows()
    for other in ({}, {"email": "other@shigu.test"}, {"username": "other"}):
        assert sign_up(**other).status_code < 500
    assert rows() == before
    assert welcomed() == [("dora", 100)]


@pytest.mark.usefixtures("clone")
def test_saying_welcome_twice_gives_once() -> None:
    """Who calls the welcome again for the same person changes nothing."""
    sign_up()
    joining.welcome(User.objects.get(username="dora").pk)
    assert welcomed() == [("dora", 100)]


class Died(Exception):
    """The process, in the middle of it."""


def die(*_: object) -> None:
    raise Died


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("moment", ["person", "welcome", "address"])
def test_dying_in_the_middle_leaves_nobody(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever step dies takes person, mail address and credits with it."""
    if moment == "person":
        monkeypatch.setattr(joining, "welcomes", [die])
    if moment == "address":
        monkeypatch.setattr(EmailAddress, "save", die)
    place = "accounts.join.welcomed" if moment == "welcome" else "nowhere"
    with at(place, die), pytest.raises(Died):
        sign_up()
    assert rows() == (0, 0, 0, 0)


def two_at_once(first: Callable[[], Any], second: Callable[[], Any]) -> list[int]:
    """The first stands before its commit while the second runs into it."""
    with stopped_at("accounts.join.welcomed") as stop:
        one = start(first)
        stop.wait()
        other = start(second)
        wait_until_blocked()
        stop.release()
        answers = [one.result(), other.result()]
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    return [answer.status_code for answer in answers]


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize(
    "other", [{}, {"email": "other@shigu.test"}, {"username": "other", "email": "DORA@shigu.test"}]
)
def test_two_of_one_name_in_the_same_instant(other: dict[str, str]) -> None:
    """One joins, the other gets an answer and not an error page; one is welcomed."""
    codes = two_at_once(sign_up, lambda: sign_up(**other))
    assert codes[0] == 302
    assert codes[1] < 500
    assert (User.objects.count(), EmailAddress.objects.count()) == (1, 1)
    assert welcomed() == [("dora", 100)]


@pytest.mark.usefixtures("clone")
def test_control_allauths_own_page_breaks_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without a second look the one who came second meets an error."""
    from allauth.account.views import SignupView

    from shigu.web.joining_page import JoiningPage

    monkeypatch.setattr(JoiningPage, "form_valid", SignupView.form_valid)
    with pytest.raises(AssertionError, match="duplicate key"):
        two_at_once(sign_up, sign_up)


@pytest.mark.usefixtures("clone")
def test_control_a_welcome_that_does_not_look_counts_on_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: were the look left out, the ledger's own key refuses the second welcome."""
    sign_up()
    monkeypatch.setattr(Transfer.objects, "filter", lambda **_: Transfer.objects.none())
    with pytest.raises(Exception, match="transfer_once"):
        joining.welcome(User.objects.get(username="dora").pk)


@pytest.mark.usefixtures("clone")
def test_many_at_once_are_each_welcomed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight people in the same moment, eight welcomes, no deadlock."""
    monkeypatch.setattr(joining, "door", Turnstile(at_once=8))  # it is at the rows that they meet
    # Eight slow hashes on two busy cores would be all that they meet in.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    people = [{"username": f"dora{n}", "email": f"dora{n}@shigu.test"} for n in range(8)]
    codes = together(*[lambda one=one: sign_up(**one).status_code for one in people])
    assert codes == [302] * 8
    assert sorted(welcomed()) == [(f"dora{n}", 100) for n in range(8)]


@pytest.mark.usefixtures("clone")
def test_every_floor_greets_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A greeting sees the person it greets, before anybody else does, and the shop's time."""
    seen: list[tuple[int, bool, datetime]] = []

    def greet(user_id: int, now: datetime) -> None:
        there = User.objects.filter(pk=user_id).exists()
        seen.append((user_id, there and connection.in_atomic_block, now))

    monkeypatch.setattr(joining, "welcomes", [greet])
    sign_up()
    [(user_id, held, now)] = seen
    assert user_id == User.objects.get(username="dora").pk
    assert held
    assert now.tzinfo is not None
