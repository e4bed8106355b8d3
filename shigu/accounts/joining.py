"""Somebody joins: the person, their mail address and what the shop welcomes them with, or nothing at all.

A floor above puts its greeting into `welcomes` (in `handlers.py`); each is called with the user's id and
the time, inside the very transaction that creates the user. allauth reaches this through the settings
`ACCOUNT_ADAPTER` (every way to sign up) and `ACCOUNT_FORMS` (its page); others call `welcome`. Passwords are
hashed by turns (`turnstile`), and before anything is written: no transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import SignupForm
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language

from shigu import clock
from shigu.accounts.models import User
from shigu.accounts.turnstile import door
from shigu.kit.breakpoints import reached

welcomes: list[Callable[[int, datetime], None]] = []


@transaction.atomic
def welcome(user_id: int) -> None:
    """Greet somebody who is created in the caller's transaction."""
    now = clock.now()
    for greet in welcomes:
        greet(user_id, now)
    reached("accounts.join.welcomed")


class JoiningAdapter(DefaultAccountAdapter):
    """allauth's way to create people, with the welcome in it, and to know them again."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.language = get_language() or ""  # what the page was read in; mails follow it
        joining: User = super().save_user(request, user, form, commit=False)
        if isinstance(form, JoiningForm):
            joining.password = form.hashed
        if commit:
            with transaction.atomic():
                joining.save()
                welcome(joining.pk)
        return joining

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        with door.turn():
            user: User | None = super().authenticate(request, **credentials)
        return user


class JoiningForm(SignupForm):
    """The sign-up form: the mail address is kept in the same transaction as the person."""

    hashed = ""

    def clean(self) -> dict[str, Any]:
        """When all is well the password is hashed, and leaves the form."""
        cleaned: dict[str, Any] = super().clean()
        if not self.errors and not self.account_already_exists:
            with door.turn():
                self.hashed = make_password(cleaned.pop("password1"))
        return cleaned

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic(durable=True):
            user: User = super().save(request)
        return user
