"""Coupons of the seeded shop, read from the TOML file beside this one, and who came by them, by the real verbs.

`offer()` makes them before people come (who signs up is welcomed with one), `hand_out(people)` lets people
claim, redeem and be given theirs at the times when they did. What is there already is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.clock.drain import drain
from shigu.ops.seeding.covering import cover, reach_of
from shigu.ops.seeding.shelves import read
from shigu.ops.seeding.telling import travel
from shigu.promotions import claiming, issuing, lapsing, revoking
from shigu.promotions.models import Audience, Coupon, Grant, Way

Entry = Mapping[str, Any]
COLUMNS = {
    *("kind", "amount", "percent", "least", "on_all_lines", "way", "code", "total", "per_user"),
}


def offer() -> None:
    """Every coupon, counted from the present."""
    travel(timedelta(0))
    now = clock.now()
    there = set(Coupon.objects.values_list("name_zh", flat=True))
    for entry in read("coupons")["coupon"]:
        if entry["zh"] not in there:
            _offer(entry, now)


@transaction.atomic
def _offer(entry: Entry, now: datetime) -> None:
    begins, ends = (now + timedelta(days=days) for days in entry["days"])
    coupon = Coupon.objects.create(
        name_zh=entry["zh"],
        name_en=entry["en"],
        valid_from=begins,
        valid_until=ends,
        reach=reach_of(entry),
        **{name: entry[name] for name in COLUMNS & entry.keys()},
    )
    cover(coupon, entry)


def hand_out(people: Mapping[str, User]) -> None:
    """Who claimed what, in the order in which they did, and what the operator gave and took back."""
    entries, coupons = read("coupons")["coupon"], {row.name_zh: row for row in Coupon.objects.all()}
    got = [(days, name, entry["zh"]) for entry in entries for name, days in entry.get("got", [])]
    for days, name, coupon in sorted(got, reverse=True):
        _get(coupons[coupon], people[name], timedelta(days=days))
    for entry in entries:
        coupon = coupons[entry["zh"]]
        if "given" in entry and not coupon.issuings.exists():
            _give(coupon, entry, people)


def _get(coupon: Coupon, user: User, ago: timedelta) -> None:
    if coupon.grants.filter(user=user).exists():
        return
    travel(ago)
    if coupon.way == Way.CODE:
        claiming.redeem(coupon.code, user.pk)
    else:
        claiming.claim(coupon.pk, user.pk)


def _give(coupon: Coupon, entry: Entry, people: Mapping[str, User]) -> None:
    operator = people["operator"].pk
    travel(timedelta(days=entry["given_ago"]))
    ids = [people[name].pk for name in entry["given"]]
    begun = issuing.start(coupon.pk, Audience.LISTED, by=operator, listed=ids)
    while begun.ended_at is None:
        begun = issuing.step(begun.pk)
    for name, days, reason in entry.get("revoked", []):
        travel(timedelta(days=days))
        grant = Grant.objects.get(coupon=coupon, user=people[name])
        revoking.revoke_one(grant.pk, by=operator, reason=reason)


def let_lapse() -> None:
    """What is over by now has lapsed, as if a clock had run all the time."""
    travel(timedelta(0))
    while drain(lapsing.lapse).claimed:
        pass
