"""Somebody joins: the person, their mail address and what the shop welcomes them with, or nothing at all.

A floor above puts its greeting into `welcomes` (in `handlers.py`); each is called with the user's id and
the time, inside the very transaction that creates the user. allauth reaches this through the settings
`ACCOUNT_ADAPTER` (every way to sign up) and `ACCOUNT_FORMS` (its page); others call `welcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import SignupForm
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language

from shigu import clock
from shigu.accounts.models import User
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
    """allauth's way to create people, with the welcome in it."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        with transaction.atomic():
            user.language = get_language() or ""  # what the page was read in; mails follow it
            saved: User = super().save_user(request, user, form, commit)
            if commit:
                welcome(saved.pk)
        return saved


class JoiningForm(SignupForm):
    """The sign-up form: the mail address is kept in the same transaction as the person."""

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic(durable=True):
            user: User = super().save(request)
        return user
