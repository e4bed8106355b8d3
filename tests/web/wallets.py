"""Coupons and credits in the hands of the tests' people: `coupon_of(alice())`, `give_credits(alice(), 500)`."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from shigu import clock
from shigu.accounts.models import User
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders import credits
from shigu.promotions.models import CouponKind, Grant
from tests.promotions.booth import coupon, in_hand

WEEK = timedelta(days=7)
_numbers = itertools.count(1)


def coupon_of(user: User, off: int = 2_000, *, name: str = "Spring", **more: Any) -> Grant:
    """A coupon that takes `off` fen off the whole order."""
    return in_hand(_coupon(name, amount=off, **more), user)


def rate_of(user: User, percent: int, *, name: str = "Rate", **more: Any) -> Grant:
    """A coupon with which `percent` of the dearest item is still paid."""
    return in_hand(_coupon(name, kind=CouponKind.RATE, percent=percent, **more), user)


def give_credits(user: User, many: int) -> None:
    """So many more credits."""
    credits.locked([user.pk])
    theirs, nth = account(Book.CREDITS, user.pk), next(_numbers)
    move = Move(Event.ADJUST, user.pk, account(Book.ISSUED), theirs, many, nth)
    posting.post([move], at=clock.now())


def has(user: User) -> tuple[int, int]:
    """Credits that are free, and those that orders hold."""
    books = (Book.CREDITS, Book.CREDITS_HELD)
    found = posting.balances([account(book, user.pk) for book in books])
    free, held = (found[account(book, user.pk)] for book in books)
    return free, held


def _coupon(name: str, **more: Any) -> Any:
    given = {"ends": WEEK, "total": 100, "per_user": 9}
    return coupon(f"{name} 券", name_en=name, **{**given, **more})
