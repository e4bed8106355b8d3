"""How far from now a moment may lie that somebody types: a `Horizon`, in years.

A slip of the hand makes it the year 1 or 9999. Such a moment may not exist in another zone, so that pages
break on it, and what lies before the year 1 there cannot even be read back. Forms tell it beside the field
(`kit.office.tell_far`), verbs that write a moment refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.formats import localize
from django.utils.timezone import localdate

from shigu.kit.errors import Refusal

YEAR = timedelta(days=366)


class TooFar(Refusal):
    """Choose a time between %(first)s and %(last)s."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """From so many years before now to so many after it."""

    back: int
    ahead: int

    def refuse(self, moment: datetime, now: datetime) -> None:
        """TooFar names both ends."""
        first, last = now - self.back * YEAR, now + self.ahead * YEAR
        if not first <= moment <= last:
            raise TooFar(first=localize(localdate(first)), last=localize(localdate(last)))


LIFETIME = Horizon(back=100, ahead=100)
"""For what may be meant to last: coupons, activities."""
