"""Passwords are hashed by turns, and while nothing is open: a crowd at the door takes the shop from nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from allauth.account.forms import SignupForm
from django.contrib.auth import hashers
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from shigu.accounts import joining, turnstile
from shigu.accounts.joining import JoiningAdapter, JoiningForm
from shigu.accounts.models import User
from shigu.accounts.turnstile import Crowded, Turnstile
from tests.people import PASSWORD
from tests.races.together import start
from tests.web.conftest import no_memory_of_earlier_tests, plain_static_files

__all__ = ["no_memory_of_earlier_tests", "plain_static_files"]

CROWDED = "Many people are signing in at this moment"
PAPER = {"username": "dora", "email": "dora@shigu.test", "password1": "drums-at-noon-300"}


@pytest.fixture(autouse=True)
def _quick(settings: Any, tmp_path: Any) -> None:
    """What is shown here is who waits for a hash, not how long one takes."""
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def alice() -> User:
    """Somebody who may sign in."""
    return User.objects.create_user("alice", "alice@shigu.test", PASSWORD)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Turnstile:
    """A door of this test's own: one goes through, one waits, and not for long."""
    door = Turnstile(at_once=1, waiting=1)
    monkeypatch.setattr(joining, "door", door)
    monkeypatch.setattr(turnstile, "PATIENCE", 0.05)
    return door


@pytest.fixture
def full(narrow: Turnstile) -> Iterator[Turnstile]:
    """Somebody is in it, and stays."""
    with narrow.turn():
        yield narrow


def send(name: str, **form: str) -> Any:
    """What the page of this name sends, in English."""
    return Client(headers={"accept-language": "en"}).post(reverse(name), form)


def sign_in(password: str = PASSWORD) -> Any:
    return send("account_login", login="alice", password=password)


def test_one_after_the_other() -> None:
    """As many as may pass do, one more waits for its turn, and it comes."""
    door = Turnstile(at_once=2, waiting=1)
    with ExitStack() as inside:
        for _ in range(2):
            inside.enter_context(door.turn())
        waits = threading.Event()

        def one_more() -> bool:
            waits.set()
            with door.turn():
                return True

        third = start(one_more)
        waits.wait(5)
        inside.pop_all().close()
    assert third.result() is True


def test_beyond_those_who_wait_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at once, whatever the patience; so is who waits too long; later all is as before."""
    monkeypatch.setattr(turnstile, "PATIENCE", 20.0)
    door = Turnstile(at_once=1, waiting=0)
    with door.turn(), pytest.raises(Crowded), door.turn():
        pass
    monkeypatch.setattr(turnstile, "PATIENCE", 0.01)
    door = Turnstile(at_once=1, waiting=1)
    with door.turn():
        for _ in range(3):  # a refused one takes no place with it
            with pytest.raises(Crowded), door.turn():
                pass
    with door.turn():
        pass


def test_an_error_in_its_turn_gives_the_turn_back() -> None:
    """Whatever becomes of it, the next one passes."""
    door = Turnstile(at_once=1, waiting=0)
    for _ in range(3):
        with pytest.raises(KeyError), door.turn():
            raise KeyError
    with door.turn():
        pass


@pytest.mark.django_db
def test_a_crowd_is_told_to_try_again(full: Turnstile) -> None:
    """The right password: said in words, nobody is signed in, and no hash was made."""
    alice()
    answer = sign_in()
    assert CROWDED in answer.content.decode()
    assert "_auth_user_id" not in answer.wsgi_request.session


@pytest.mark.django_db
def test_being_sent_away_is_no_failed_try(narrow: Turnstile) -> None:
    """Ten times before a crowded door, and the eleventh is let in; ten wrong passwords would be a pause."""
    alice()
    with narrow.turn():
        for _ in range(10):
            assert CROWDED in sign_in().content.decode()
    assert sign_in().status_code == 302
    for _ in range(10):
        sign_in("wrong")
    assert sign_in().status_code != 302


@pytest.mark.django_db
def test_a_crowd_signs_nobody_up(full: Turnstile) -> None:
    """The form comes back with what was typed, and nothing was written."""
    answer = send("account_signup", **PAPER)
    assert answer.status_code == 200
    assert CROWDED in answer.content.decode()
    assert "dora@shigu.test" in answer.content.decode()
    assert not User.objects.exists()


class Watching(MD5PasswordHasher):
    """Remembers whether a transaction was open when it was asked."""

    seen: list[bool] = []

    def encode(self, password: str, salt: str) -> str:
        self.seen.append(connection.in_atomic_block)
        return super().encode(password, salt)


def as_allauth_does(form: JoiningForm, request: HttpRequest) -> User:
    """The control: hashing where the person is made, inside of the one transaction."""
    form.cleaned_data["password1"] = PAPER["password1"]
    with transaction.atomic(durable=True):
        form.hashed = hashers.make_password(PAPER["password1"])
        user: User = SignupForm.save(form, request)
    return user


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("control", [False, True], ids=["ours", "control"])
def test_nothing_is_open_while_one_hashes(
    control: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing up and signing in hash before a transaction begins, and what was hashed is what counts."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Watching"]
    Watching.seen.clear()
    if control:
        monkeypatch.setattr(JoiningForm, "save", as_allauth_does)
    assert send("account_signup", **PAPER).status_code == 302
    assert send("account_login", login="dora", password=PAPER["password1"]).status_code == 302
    assert len(Watching.seen) >= 2
    assert any(Watching.seen) is control


@pytest.mark.usefixtures("clone")
def test_a_shop_that_signs_up_otherwise_has_passwords_too() -> None:
    """Another form than ours: allauth's own hash is kept."""

    class Form:
        cleaned_data = PAPER

    user = JoiningAdapter().save_user(HttpRequest(), User(), Form())
    assert User.objects.get(pk=user.pk).check_password(PAPER["password1"])
