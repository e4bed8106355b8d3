"""The accounts of a calendar month, on the first of the next: `close(first)`, as often as one likes.

On the first at three the clock writes the month before, and every earlier one that has no row yet. A month
that has a row is counted in the zone that stands in it, so that counting again says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.ledger.models import Transfer
from shigu.orders.models import OrderEvent
from shigu.reporting.counting import count
from shigu.reporting.errors import NotOver
from shigu.reporting.models import Month


@clock.every(
    "0 3 1 * *",
    name="reporting.close_month",
    title=_("Accounts of the month before"),
    lease=timedelta(hours=1),
)
def close_month(*, now: datetime) -> int:
    """The month before, again if it was counted already, and what was missed before it; how many."""
    last = before(timezone.localdate(now))
    there = set(Month.objects.values_list("first", flat=True))
    wanted = [first for first in _since_the_first(last) if first == last or first not in there]
    for first in wanted:
        close(first)
    return len(wanted)


def close(first: date) -> Month:
    """Count the month that begins on `first` and keep it; refused while it is not over."""
    with transaction.atomic(durable=True):
        Month.objects.bulk_create([_fresh(first)], ignore_conflicts=True)
        month = Month.objects.select_for_update(no_key=True).get(first=first)
        since, until = month.span
        now = clock.now()
        if now < until:
            raise NotOver(month=f"{first:%Y-%m}")
        for name, figure in count(since, until).items():
            setattr(month, name, figure)
        month.counted_at = now
        month.save()
    return month


def before(day: date) -> date:
    """The first day of the month before the one that `day` is in."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _fresh(first: date) -> Month:
    return Month(first=first, zone=settings.TIME_ZONE, counted_at=clock.now())


def _since_the_first(last: date) -> Iterator[date]:
    """Every month since something happened in the shop, up to `last`, which is always one of them."""
    earliest = [
        moment
        for model in (OrderEvent, Transfer)
        if (moment := model.objects.aggregate(first=Min("at"))["first"])
    ]
    start = timezone.localdate(min(earliest)).replace(day=1) if earliest else last
    first = min(start, last)
    while first <= last:
        yield first
        first = (first + timedelta(days=32)).replace(day=1)
