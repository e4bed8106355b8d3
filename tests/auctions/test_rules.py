"""The rules of bidding, pure: worked cases, properties, and a room of people who bid by hand as the model.

The model knows no formula: after each bid the auctioneer calls one fen more and one fen more, until the
one who does not lead cannot go a whole step above what is called.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from shigu.auctions.models import Verdict
from shigu.auctions.rules import Rules, Standing, Wish, decide

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
END = NOON + timedelta(hours=1)
STEPS = ((0, 1), (10, 2), (40, 5))
OPEN = Standing(is_open=True, opens_at=NOON, closes_at=END)


@dataclass
class ByHand:
    """Ceilings of everybody who bid, in the order in which they named them; what is called now."""

    start: int
    steps: Sequence[Sequence[int]]
    reserve: int | None
    wild: int
    ceilings: dict[int, int] = field(default_factory=dict)
    leader: int | None = None
    called: int | None = None

    def step(self, price: int) -> int:
        found = 0
        for start, step in self.steps:
            if price >= start:
                found = step
        return found

    @property
    def least(self) -> int:
        if self.called is None:
            return self.start if self.start else self.step(0)
        return self.called + self.step(self.called)

    def bid(self, who: int, amount: int, maximum: int | None, *, sure: bool) -> Verdict:
        top = amount if maximum is None else max(amount, maximum)
        if who == self.leader:
            if maximum is None or top <= self.ceilings[who]:
                return Verdict.LEADING
            self.ceilings[who] = top
            self._call_the_reserve()
            return Verdict.RAISED
        if amount < self.least:
            return Verdict.TOO_LOW
        if not sure and amount > self.least + self.wild * self.step(self.least):
            return Verdict.WILD
        self._fight(who, amount, top)
        self._call_the_reserve()
        return Verdict.ACCEPTED

    def _fight(self, who: int, amount: int, top: int) -> None:
        held = self.leader
        self.ceilings[who] = top
        self.called = amount
        if held is None:
            self.leader = who
            return
        self.leader = who if top > self.ceilings[held] else held
        loser = held if self.leader == who else who
        while self.called < self.ceilings[self.leader] and not self._is_beaten(loser):
            self.called += 1

    def _is_beaten(self, loser: int) -> bool:
        """Is what is called a whole step above all that this one would pay?"""
        assert self.called is not None
        return self.called >= self.ceilings[loser] + self.step(self.ceilings[loser])

    def _call_the_reserve(self) -> None:
        assert self.leader is not None
        assert self.called is not None
        if self.reserve is not None:
            while self.called < self.reserve <= self.ceilings[self.leader]:
                self.called += 1


@dataclass(frozen=True)
class Case:
    """One lot and the bids on it: who, amount, maximum, sure."""

    start: int
    steps: tuple[tuple[int, int], ...]
    reserve: int | None
    wild: int
    bids: list[tuple[int, int, int | None, bool]]


def compare(case: Case) -> None:
    """Each bid has the same verdict, least, price and leader in both."""
    rules = Rules(case.start, case.steps, case.reserve, wild_steps=case.wild)
    now = OPEN
    room = ByHand(case.start, case.steps, case.reserve, case.wild)
    for who, amount, maximum, sure in case.bids:
        least = room.least
        told = room.bid(who, amount, maximum, sure=sure)
        found = decide(rules, now, Wish(who, amount, maximum, sure), NOON)
        assert (found.verdict, found.least) == (told, least), case
        assert (found.after.price, found.after.leader) == (room.called, room.leader), case
        now = found.after


def random_case(chance: random.Random) -> Case:
    """Small amounts, so that ties, band edges and capped steps happen all the time."""
    bands = sorted({0, *(chance.randint(1, 60) for _ in range(chance.randint(0, 3)))})
    steps, least = [], 1
    for start in bands:
        steps.append((start, least := chance.randint(least, least + 4)))
    start = chance.randint(0, 12)
    reserve = chance.choice([None, start + chance.randint(0, 60)])
    bids = []
    for _ in range(chance.randint(1, 12)):
        amount = chance.randint(1, 90)
        maximum = chance.choice([None, amount + chance.randint(0, 40)])
        bids.append((chance.randint(1, 4), amount, maximum, chance.random() < 0.7))
    return Case(start, tuple(steps), reserve, chance.randint(1, 6), bids)


def test_ten_thousand_random_lots_are_as_by_hand() -> None:
    """The formulas and the auctioneer who counts agree on 10 000 lots of up to twelve bids."""
    chance = random.Random(20261121)
    for _ in range(10_000):
        compare(random_case(chance))


@settings(max_examples=300)
@given(some.integers(min_value=0), some.data())
def test_lots_that_hypothesis_makes_up_are_as_by_hand(seed: int, data: some.DataObject) -> None:
    """The same with bids that Hypothesis shrinks to the smallest that differs."""
    base = random_case(random.Random(seed))
    bids = data.draw(
        some.lists(
            some.tuples(
                some.integers(1, 3),
                some.integers(1, 99),
                some.none() | some.integers(0, 40),
                some.booleans(),
            ),
            max_size=8,
        )
    )
    offered = [(who, at, None if up is None else at + up, sure) for who, at, up, sure in bids]
    compare(replace(base, bids=offered))


def test_the_model_finds_a_wrong_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a winner who pays all of the maximum, and the comparison fails."""
    from shigu.auctions import rules

    def pays_all(fixed: Rules, now: Standing, wish: Wish) -> Standing:
        if now.maximum is None or wish.top > now.maximum:
            return replace(now, price=wish.top, leader=wish.bidder, maximum=wish.top)
        return replace(now, price=wish.top)

    monkeypatch.setattr(rules, "_outbid", pays_all)
    cases = [random_case(random.Random(seed)) for seed in range(100)]
    with pytest.raises(AssertionError):
        any(compare(case) for case in cases)


# -- steps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "least"), [(None, 5), (9, 10), (10, 12), (39, 41), (40, 45)])
def test_the_step_is_that_of_the_band_the_price_is_in(price: int | None, least: int) -> None:
    """At a band's edge its own step counts, one fen below the one before."""
    assert Rules(5, STEPS).least(price) == least


def test_from_nothing_the_first_bid_is_one_step() -> None:
    """A lot that starts at 0 is not given away."""
    assert Rules(0, STEPS).least(None) == 1


def test_a_price_below_the_reserve_sells_nothing() -> None:
    """Met from the reserve on; without one any bid sells, and no bid never does."""
    assert [Rules(1, STEPS, 10).is_met(price) for price in (None, 9, 10)] == [False, False, True]
    assert Rules(1, STEPS).is_met(1)
    assert not Rules(1, STEPS).is_met(None)


# -- who and when -----------------------------------------------------------------------------------

GOOD = Wish(bidder=1, amount=5)


@pytest.mark.parametrize(
    ("wish", "at", "verdict"),
    [
        (GOOD, NOON, Verdict.ACCEPTED),
        (GOOD, NOON - timedelta(microseconds=1), Verdict.NOT_OPEN),
        (GOOD, END - timedelta(microseconds=1), Verdict.ACCEPTED),
        (GOOD, END, Verdict.ENDED),
        (replace(GOOD, has_deposit=False), NOON, Verdict.NO_DEPOSIT),
        (replace(GOOD, is_banned=True), NOON, Verdict.BANNED),
        (replace(GOOD, is_own=True), NOON, Verdict.OWN),
        (replace(GOOD, is_own=True, is_banned=True, has_deposit=False), END, Verdict.OWN),
        (replace(GOOD, is_banned=True, has_deposit=False), NOON, Verdict.BANNED),
        (replace(GOOD, amount=1, has_deposit=False), NOON, Verdict.NO_DEPOSIT),
        (replace(GOOD, amount=4), NOON, Verdict.TOO_LOW),
        (replace(GOOD, amount=5 + 3 + 1), NOON, Verdict.WILD),
        (replace(GOOD, amount=5 + 3 + 1, confirmed=True), NOON, Verdict.ACCEPTED),
        (replace(GOOD, amount=5 + 3), NOON, Verdict.ACCEPTED),
    ],
)
def test_who_and_when(wish: Wish, at: datetime, verdict: Verdict) -> None:
    """The first reason that holds is the verdict; a refusal leaves everything as it stood."""
    found = decide(Rules(5, STEPS, wild_steps=3), OPEN, wish, at)
    assert found.verdict == verdict
    assert (found.after == OPEN) == (verdict != Verdict.ACCEPTED)


def test_a_closed_lot_takes_no_bid_however_early() -> None:
    """What was withdrawn or closed is over, whatever its times say."""
    found = decide(Rules(5, STEPS), replace(OPEN, is_open=False), GOOD, NOON)
    assert found.verdict == Verdict.ENDED


# -- soft close -------------------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)
SOFT = Rules(5, STEPS, window=2 * MINUTE, extension=2 * MINUTE, most_extensions=3, wild_steps=1000)


@pytest.mark.parametrize(
    ("before_end", "moved_by"),
    [
        (2 * MINUTE + timedelta(microseconds=1), None),
        (2 * MINUTE, None),
        (2 * MINUTE - timedelta(microseconds=1), timedelta(microseconds=1)),
        (MINUTE, MINUTE),
        (timedelta(microseconds=1), 2 * MINUTE - timedelta(microseconds=1)),
    ],
)
def test_a_late_bid_moves_the_end_to_so_much_after_it(
    before_end: timedelta, moved_by: timedelta | None
) -> None:
    """In the window the end becomes bid plus extension, where that is later than it was."""
    found = decide(SOFT, OPEN, GOOD, END - before_end).after
    assert found.closes_at == END + (moved_by or timedelta())
    assert found.extensions == (moved_by is not None)


def test_judicial_rules_move_it_five_minutes() -> None:
    """Window and extension of five minutes: a bid with one minute left ends in five."""
    rules = replace(SOFT, window=5 * MINUTE, extension=5 * MINUTE, most_extensions=1000)
    assert decide(rules, OPEN, GOOD, END - MINUTE).after.closes_at == END + 4 * MINUTE


def test_a_hard_close_never_moves() -> None:
    """Window 0: not even for a bid in the last microsecond."""
    found = decide(Rules(5, STEPS), OPEN, GOOD, END - timedelta(microseconds=1)).after
    assert (found.closes_at, found.extensions) == (END, 0)


def schedules() -> Iterator[random.Random]:
    """A thousand random ones."""
    return (random.Random(seed) for seed in range(1000))


def test_no_schedule_of_bids_shrinks_the_end_or_passes_the_cap() -> None:
    """1 000 schedules: the end only grows, by an extension at most each, at most three times."""
    for chance in schedules():
        now, at, leader = OPEN, END - 5 * MINUTE, 0
        while at < now.closes_at:
            leader = 1 - leader
            wish = Wish(leader, SOFT.least(now.price))
            found = decide(SOFT, now, wish, at)
            assert found.verdict == Verdict.ACCEPTED
            assert now.closes_at <= found.after.closes_at <= now.closes_at + 2 * MINUTE
            now = found.after
            twin = decide(SOFT, now, Wish(1 - leader, SOFT.least(now.price)), at).after
            assert twin.closes_at == now.closes_at, "two bids at one moment extend once"
            at += timedelta(seconds=chance.randint(1, 150))
        assert now.extensions <= 3
        assert now.closes_at <= END + 6 * MINUTE


def test_a_raised_maximum_and_a_refusal_never_move_the_end() -> None:
    """Only a bid that counts does."""
    late = END - timedelta(seconds=1)
    led = decide(SOFT, OPEN, GOOD, NOON).after
    raised = decide(SOFT, led, Wish(1, 6, 50), late)
    assert raised.verdict == Verdict.RAISED
    assert raised.after == replace(led, maximum=50)
    assert decide(SOFT, led, Wish(2, 1), late).after == led


def test_no_two_accepted_bids_stand_at_one_price() -> None:
    """In 1 000 random fights each accepted bid leaves a higher price behind, ties included."""
    for chance in schedules():
        now, rules = OPEN, Rules(1, STEPS, wild_steps=1000)
        for _ in range(12):
            amount = rules.least(now.price) + chance.randint(0, 9)
            wish = Wish(chance.randint(1, 3), amount, amount + chance.randint(0, 9))
            found = decide(rules, now, wish, NOON)
            if found.verdict == Verdict.ACCEPTED:
                assert now.price is None or (found.after.price or 0) > now.price
            now = found.after
