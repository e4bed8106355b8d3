"""What a bid does, as pure functions: `decide(rules, standing, wish, at)` is the whole of it.

A bid offers an `amount` at once and may name a `maximum` up to which the house bids on for its bidder
(代理出价). The higher maximum leads, of equal ones the earlier; what is shown is the amount offered or one
step above the second maximum, whichever is more, and never above the leader's maximum. A maximum that
reaches the hidden reserve lifts the price to it. A bid close to the end moves the end, up to a cap.
Bidding and closing use this file; the audit has a model of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shigu.auctions.models import Verdict
from shigu.kit.money import Fen

Band = Sequence[int]
"""[from price, step] in fen."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What was fixed for a lot before its first bid; money in fen."""

    start_price: Fen
    steps: Sequence[Band]
    reserve: Fen | None = None
    window: timedelta = timedelta()
    extension: timedelta = timedelta()
    most_extensions: int = 0
    wild_steps: int = 20

    def step(self, price: Fen) -> Fen:
        """How much more the next bid above `price` must be."""
        return max((start, step) for start, step in self.steps if start <= price)[1]

    def least(self, price: Fen | None) -> Fen:
        """The least amount that is valid now."""
        if price is None:  # a thing is not given away: from nothing, the first bid is one step
            return self.start_price or self.step(0)
        return price + self.step(price)

    def is_wild(self, amount: Fen, price: Fen | None) -> bool:
        """Is it so many steps above the least amount that it may be a slip of the finger?"""
        least = self.least(price)
        return amount > least + self.wild_steps * self.step(least)

    def is_met(self, price: Fen | None) -> bool:
        """Does this price sell?"""
        return price is not None and (self.reserve is None or price >= self.reserve)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lot stands between two bids; `price`, `leader` and `maximum` are all there or none."""

    is_open: bool
    opens_at: datetime
    closes_at: datetime
    price: Fen | None = None
    leader: int | None = None
    maximum: Fen | None = None
    extensions: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """A bid as it arrived, with what was known about its bidder under the locks."""

    bidder: int
    amount: Fen
    maximum: Fen | None = None
    confirmed: bool = False
    has_deposit: bool = True
    is_banned: bool = False
    is_own: bool = False

    @property
    def top(self) -> Fen:
        """As far as this bidder goes."""
        return max(self.amount, self.maximum or 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, the least amount that was valid, and how the lot stands after it."""

    verdict: Verdict
    least: Fen
    after: Standing

    @property
    def is_accepted(self) -> bool:
        """Does it count as a bid?"""
        return self.verdict == Verdict.ACCEPTED


def decide(rules: Rules, now: Standing, wish: Wish, at: datetime) -> Outcome:
    """Decide one bid that is looked at, under the lot's lock, at `at`."""
    least = rules.least(now.price)
    if refusal := _refusal(rules, now, wish, at, least):
        return Outcome(refusal, least, now)
    if wish.bidder == now.leader:
        return Outcome(Verdict.RAISED, least, _raised(rules, now, wish))
    return Outcome(Verdict.ACCEPTED, least, _extended(rules, _outbid(rules, now, wish), at))


def _refusal(rules: Rules, now: Standing, wish: Wish, at: datetime, least: Fen) -> Verdict | None:
    leads = wish.bidder == now.leader
    refusals = [
        (Verdict.OWN, wish.is_own),
        (Verdict.ENDED, not now.is_open or at >= now.closes_at),
        (Verdict.NOT_OPEN, at < now.opens_at),
        (Verdict.BANNED, wish.is_banned),
        (Verdict.NO_DEPOSIT, not wish.has_deposit),
        (Verdict.LEADING, leads and wish.top <= (now.maximum or 0)),
        (Verdict.LEADING, leads and wish.maximum is None),
        (Verdict.TOO_LOW, not leads and wish.amount < least),
        (Verdict.WILD, not leads and not wish.confirmed and rules.is_wild(wish.amount, now.price)),
    ]
    return next((verdict for verdict, holds in refusals if holds), None)


def _raised(rules: Rules, now: Standing, wish: Wish) -> Standing:
    """A leader goes further: nothing is seen of it, unless it reaches the reserve."""
    return _lifted(rules, replace(now, maximum=wish.top))


def _outbid(rules: Rules, now: Standing, wish: Wish) -> Standing:
    held = now.maximum
    if held is None:
        found = replace(now, price=wish.amount, leader=wish.bidder, maximum=wish.top)
    elif wish.top > held:
        price = max(wish.amount, min(wish.top, held + rules.step(held)))
        found = replace(now, price=price, leader=wish.bidder, maximum=wish.top)
    else:
        found = replace(now, price=min(held, wish.top + rules.step(wish.top)))
    return _lifted(rules, found)


def _lifted(rules: Rules, found: Standing) -> Standing:
    """Who goes as far as the reserve pays at least the reserve."""
    if rules.reserve is None or found.maximum is None or found.price is None:
        return found
    reached = found.maximum >= rules.reserve > found.price
    return replace(found, price=rules.reserve) if reached else found


def _extended(rules: Rules, found: Standing, at: datetime) -> Standing:
    """A bid within the window moves the end, to so much after the bid, so many times."""
    is_late = found.closes_at - at <= rules.window
    end = max(found.closes_at, at + rules.extension)
    if not is_late or end == found.closes_at or found.extensions >= rules.most_extensions:
        return found
    return replace(found, closes_at=end, extensions=found.extensions + 1)
