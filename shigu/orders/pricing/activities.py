"""Which activity makes the price of each line: `choose`. They do not stack; a line has one at most.

1. Each line takes the activity that saves most on it alone.
2. A 满减 or a bundle is offered its lines, giving up what they save alone; it may leave lines out, and
   those that save most alone leave first. What it gains is its saving less what is given up.
3. The greatest gain is taken and its lines are settled; then again, until nothing gains.

Ties: the activity with the lowest id, then fewer lines. Without a gain lines keep what they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind
from shigu.kit.money import Fen
from shigu.orders.pricing import savings
from shigu.orders.pricing.apportioning import apportion
from shigu.orders.pricing.facts import Wanted


@dataclass(frozen=True, slots=True)
class Applied:
    """What one line saves, and by which activity."""

    activity: Running | None = None
    saves: Fen = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A 满减 or bundle over the lines at these places."""

    activity: Running
    places: tuple[int, ...]
    saves: Fen
    gain: Fen

    @property
    def rank(self) -> tuple[int, int, int]:
        return -self.gain, self.activity.id, len(self.places)


def choose(lines: Sequence[Wanted], activities: Collection[Running]) -> list[Applied]:
    """One answer for each line, in their order. Student prices are in `activities` only for students."""
    if not activities:
        return [Applied()] * len(lines)
    chosen = [_alone(line, activities) for line in lines]
    open_places = set(range(len(lines)))
    groups = [activity for activity in activities if activity.kind in savings.TOGETHER]
    while offers := [
        offer
        for group in groups
        for offer in _offers(group, lines, chosen, open_places)
        if offer.gain > 0
    ]:
        best = min(offers, key=lambda offer: offer.rank)
        shares = apportion(best.saves, [lines[place].list_price for place in best.places])
        for place, share in zip(best.places, shares, strict=True):
            chosen[place] = Applied(best.activity, share)
        open_places -= set(best.places)
        groups.remove(best.activity)
    return chosen


def _alone(line: Wanted, activities: Collection[Running]) -> Applied:
    found = [
        Applied(activity, saves)
        for activity in sorted(activities, key=lambda activity: activity.id)
        if line.is_within(activity.scope) and (saves := savings.alone(activity, line))
    ]
    return max(found, key=lambda applied: applied.saves, default=Applied())


def _offers(
    group: Running, lines: Sequence[Wanted], chosen: Sequence[Applied], open_places: set[int]
) -> Iterator[Offer]:
    """Over all of its lines, and over those that save at most so much alone."""
    inside = [place for place in sorted(open_places) if _may_join(lines[place], group)]
    for most in {chosen[place].saves for place in inside}:
        places = tuple(place for place in inside if chosen[place].saves <= most)
        saves = savings.together(group, [lines[place] for place in places])
        given_up = sum(chosen[place].saves for place in places)
        yield Offer(group, places, saves, saves - given_up)


def _may_join(line: Wanted, group: Running) -> bool:
    """What costs nothing completes a bundle, but is nothing to spend."""
    return line.is_within(group.scope) and (
        line.list_price > 0 or group.kind == ActivityKind.BUNDLE
    )
