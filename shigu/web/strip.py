"""The strip of activities on the home page: `strip(labels, now)`, what ends first, then what comes.

However much runs, two places are kept for what comes. Three queries at most beyond the running
activities, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shigu.catalogue import activities, lists
from shigu.catalogue.activities import Running
from shigu.catalogue.activity_words import said
from shigu.catalogue.featured import featured
from shigu.web.labels import Card, Labels

AHEAD = timedelta(days=3)
"""How long before its start an activity is announced."""

MOST, COMING, EACH = 6, 2, 3
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Banner:
    """One activity: what it does in words, a few of its products, its start where it is still to come."""

    activity: Running
    text: str
    cards: list[Card]
    starts_at: datetime | None = None
    drum: bool = False


def strip(labels: Labels, now: datetime) -> list[Banner]:
    """At most six; the first that closes within a day carries the page's drum."""
    running = sorted(labels.running, key=lambda one: (one.ends_at, one.id))
    announced = {one: starts for starts, one in activities.coming(now, AHEAD)}
    runs = running[: MOST - min(len(announced), COMING)]
    shown = [*runs, *announced][:MOST]
    ids = featured([one.id for one in shown], EACH)
    offers = lists.chosen({pk for some in ids.values() for pk in some}) if shown else {}
    return [
        Banner(
            activity=one,
            text=said(one),
            cards=labels.of_offers(offers[pk] for pk in ids[one.id] if pk in offers),
            starts_at=announced.get(one),
            drum=one is shown[0] and one not in announced and one.ends_at - now <= DAY,
        )
        for one in shown
    ]
