"""Coupons as the tests of this room make them: running today, ten of them, ¥20 off unless told otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.auditing import offending
from shigu.promotions.auditing import INVARIANTS
from shigu.promotions.models import Coupon, CouponKind, Grant, GrantState, Way

DAY = timedelta(days=1)


def coupon(
    name: str = "spring", *, begins: timedelta = -DAY, ends: timedelta = DAY, **more: Any
) -> Coupon:
    """A coupon of the coupon centre; `begins` and `ends` are counted from now."""
    now = clock.now()
    given = {"kind": CouponKind.FIXED, "amount": 2_000, "total": 10, "way": Way.CLAIM}
    if more.get("kind") == CouponKind.RATE:
        given |= {"amount": None, "percent": 85}
    times = {"valid_from": now + begins, "valid_until": now + ends}
    return Coupon.objects.create(name_zh=name, **{**given, **times, **more})


def in_hand(of: Coupon, user: User, state: GrantState = GrantState.UNUSED, **more: Any) -> Grant:
    """A grant in some state, counted; one that is held or used names an order."""
    nth = of.grants.filter(user=user).count() + 1
    now, number = clock.now(), Grant.objects.count() + 1_000_000
    given: dict[str, Any] = {
        "valid_from": of.valid_from,
        "valid_until": of.valid_until,
        "due_at": of.valid_until if state == GrantState.UNUSED else None,
        "order_id": number if state in (GrantState.HELD, GrantState.USED) else None,
        "used_at": now if state == GrantState.USED else None,
        "revoked_at": now if state == GrantState.REVOKED else None,
        "got_at": now,
        "way": of.way,
    }
    Coupon.objects.filter(pk=of.pk).update(issued=of.grants.count() + 1)
    of.refresh_from_db()
    return Grant.objects.create(coupon=of, user=user, nth=nth, state=state, **{**given, **more})


def issued(of: Coupon) -> int:
    """How many the coupon says were issued."""
    return Coupon.objects.values_list("issued", flat=True).get(pk=of.pk)


def crowd(count: int, **more: Any) -> list[User]:
    """Many people, in the order of their ids."""
    start = User.objects.count()
    rows = [
        User(username=f"buyer{n}", email=f"buyer{n}@shigu.test", **more)
        for n in range(start, start + count)
    ]
    return User.objects.bulk_create(rows)


def assert_coupons_add_up() -> None:
    """Every promise about coupons alone holds; orders are played by numbers here."""
    assert not [str(one.title) for one in INVARIANTS if offending(one)]
