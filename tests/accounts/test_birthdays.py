"""Whose birthday it is: by the shop's own day, in any year, only those who want to be greeted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from shigu.accounts.birthdays import Greeting, celebrants, greetings
from shigu.accounts.models import User
from shigu.accounts.profile import Profile, change
from tests.people import alice, bob

pytestmark = pytest.mark.django_db


def born(user: User, day: date, **more: Any) -> User:
    return change(user.pk, Profile(born_on=day, **more))


def names(day: date) -> list[str]:
    return list(celebrants(day).order_by("username").values_list("username", flat=True))


def test_the_day_of_the_year_counts() -> None:
    """On the day, in every year after; on no other day, and for nobody who told no date."""
    born(alice(), date(1999, 5, 20)), bob()
    assert names(date(2026, 5, 20)) == names(date(2027, 5, 20)) == ["alice"]
    assert names(date(2026, 5, 19)) == names(date(2026, 5, 21)) == names(date(2026, 6, 20)) == []


def test_the_29th_of_february() -> None:
    """On the 29th where there is one, else on the 28th, with those of the 28th; never twice in a year."""
    born(alice(), date(2000, 2, 29)), born(bob(), date(1990, 2, 28))
    assert names(date(2028, 2, 28)) == ["bob"]
    assert names(date(2028, 2, 29)) == ["alice"]
    assert names(date(2026, 2, 28)) == names(date(2100, 2, 28)) == ["alice", "bob"]
    assert names(date(2026, 3, 1)) == []


def test_who_is_not_greeted() -> None:
    """Switched off, blocked, or born on this very day."""
    born(alice(), date(1999, 5, 20), greeted=False)
    User.objects.filter(pk=born(bob(), date(1999, 5, 20)).pk).update(is_active=False)
    assert names(date(2026, 5, 20)) == []
    born(alice(), date(2026, 5, 20))
    assert names(date(2026, 5, 20)) == []
    assert names(date(2027, 5, 20)) == ["alice"]


@pytest.mark.parametrize(
    ("zone", "hour", "days"),
    [("Asia/Shanghai", 17, 1), ("Asia/Shanghai", 15, 0), ("America/New_York", 3, 0)],
)
def test_today_is_the_shops(settings: Any, zone: str, hour: int, days: int) -> None:
    """It is the 21st in Shanghai while it is still the 20th in London, and in New York even longer."""
    settings.TIME_ZONE = zone
    person = born(alice(), date(1999, 5, 21))
    found = greetings(datetime(2026, 5, 20, hour, tzinfo=UTC))
    assert found == [Greeting(person.pk, 2026)] * days


def test_days_without_a_clock_are_made_up_for() -> None:
    """Two days late at most, and under the year of the birthday, also after New Year."""
    person = born(alice(), date(1999, 12, 31))
    key = [Greeting(person.pk, 2026)]
    assert greetings(datetime(2026, 12, 31, 4, tzinfo=UTC)) == key
    assert greetings(datetime(2027, 1, 2, 4, tzinfo=UTC)) == key
    assert greetings(datetime(2027, 1, 3, 4, tzinfo=UTC)) == []


def test_a_day_is_found_by_its_index() -> None:
    """However many people there are, those of one day are looked up, not searched for."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "user_birthday" in celebrants(date(2026, 5, 20)).explain()
    assert "user_birthday" in celebrants(date(2026, 2, 28)).explain()
