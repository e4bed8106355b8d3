"""Whose birthday it is: `celebrants(day)`, and `greetings(now)` with the key by which each is greeted once.

Only people who told their birth date and want to be greeted. Who was born on 29 February is greeted on the
28th where the year has no 29th. A morning without a clock is made up for, `LATE` days long: the key is the
person and the year of the birthday, so that looking again greets nobody twice.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from shigu.accounts.models import User

LATE = 2
"""Days after which a greeting would only be embarrassing."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """One person's birthday in one year."""

    user_id: int
    year: int


def greetings(now: datetime) -> list[Greeting]:
    """Birthdays of today in the shop's zone, and of the days just before, the oldest first."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in range(LATE, -1, -1)]
    return [Greeting(pk, day.year) for day in days for pk in _ids(day)]


def celebrants(day: date) -> QuerySet[User]:
    """People whose birthday is on `day`; nobody on the very day of their birth."""
    return User.objects.filter(
        _born_on_this_day_of_the_year(day), greeted=True, is_active=True, born_on__lt=day
    )


def _born_on_this_day_of_the_year(day: date) -> Q:
    found = Q(born_on__month=day.month, born_on__day=day.day)
    if (day.month, day.day) == (2, 28) and not isleap(day.year):
        found |= Q(born_on__month=2, born_on__day=29)
    return found


def _ids(day: date) -> list[int]:
    return list(celebrants(day).order_by("pk").values_list("pk", flat=True))
