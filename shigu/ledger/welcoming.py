"""Whoever joins gets the shop's welcome credits, once. Called by `accounts.joining` as it creates a person."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from shigu.ledger.models import Book, Event, Transfer, account
from shigu.ledger.posting import Move, lock, post


def welcome(user_id: int, now: datetime) -> None:
    """Give `CREDITS_ON_SIGN_UP` to somebody new; a second time, nothing."""
    credits = settings.CREDITS_ON_SIGN_UP
    theirs = account(Book.CREDITS, user_id)
    lock([theirs])
    if credits and not Transfer.objects.filter(kind=Event.WELCOME, subject=user_id).exists():
        post([Move(Event.WELCOME, user_id, account(Book.ISSUED), theirs, credits)], at=now)
