"""Invariant 7: a model of its own replays every log; honest ones pass, and whatever is falsified is found."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import rules
from shigu.auctions.auditing import INVARIANTS
from shigu.auctions.extending import extend
from shigu.auctions.models import Ban, Bid, Bidding, Lot, LotState
from shigu.auctions.rules import Rules, Standing, Wish
from shigu.clock.drain import drain
from shigu.kit.auditing import offending
from tests.auctions.saleroom import Saleroom
from tests.people import alice, bob, carol

REPLAY, GATE = INVARIANTS


@pytest.fixture
def room(clone: str) -> Saleroom:
    """A live session with a soft close, in a database of its own."""
    return Saleroom(soft_window=600, soft_extension=600, most_extensions=3)


def contested(room: Saleroom, **lot: Any) -> Bidding:
    """A lot with every kind of decision that needs no deposit, closing soon, its end moved by bids."""
    row = room.lot(closes_in=timedelta(seconds=300), **lot)
    room.bid(row, alice(), 900)
    room.bid(row, alice(), 1000, 5000)
    room.bid(row, bob(), 2000)
    room.bid(row, bob(), 2050)
    room.bid(row, alice(), 2200)
    room.bid(row, alice(), 2200, 6000)
    room.bid(row, carol(), 9000)
    room.bid(row, carol(), 6100, 7000, True)
    return row


def differences() -> list[tuple[object, object]]:
    """(number, what) of every first difference."""
    return [(row["n"], row["what"]) for row in offending(REPLAY)]


def test_an_honest_log_replays(room: Saleroom) -> None:
    """Every verdict, ties, raises, reserve, extensions by bids and by an operator, a sale and a passing in."""
    lots = [contested(room), contested(room, reserve=4000), contested(room, reserve=900_000)]
    room.lot()
    banned = carol()
    Ban.objects.create(user=banned, since=clock.now(), until=clock.now() + timedelta(hours=1))
    assert room.bid(lots[0], banned, 10_000, None, True).verdict == "banned"
    lots[1].refresh_from_db()
    extend(lots[1].pk, until=lots[1].closes_at + timedelta(hours=2), by=1)
    room.bid(lots[1], bob(), 8000, None, True)
    kinds = set(Bid.objects.values_list("verdict", flat=True))
    assert kinds == {"accepted", "raised", "too-low", "leading", "wild", "banned"}
    assert differences() == []
    with clock.shifted(timedelta(hours=4)):
        drain("auctions.close")
        states = [Bidding.objects.get(pk=lot.pk).state for lot in lots]
        assert states == [LotState.SOLD, LotState.SOLD, LotState.PASSED_IN]
        assert room.bid(lots[0], bob(), 50_000).n == 0
        assert differences() == []


def test_a_lot_whose_times_were_saved_anew_replays(clone: str) -> None:
    """Before its opening a lot's end may be anywhere; a bid that came too early saw the old one."""
    soon = clock.now() + timedelta(minutes=5)
    room = Saleroom(opens_at=soon, preview_until=soon, closes_at=soon + timedelta(hours=1))
    lot = room.lot(state=LotState.PREVIEW, closes_in=timedelta(hours=1))
    assert room.bid(lot, alice(), 1000).verdict == "not-open"
    end = soon + timedelta(hours=3)
    Bidding.objects.filter(pk=lot.pk).update(closes_at=end, due_at=end)
    with clock.shifted(timedelta(minutes=6)):
        assert room.bid(lot, alice(), 1000).verdict == "accepted"
        assert differences() == []


def test_a_lot_whose_rules_were_saved_anew_replays(clone: str) -> None:
    """Until the preview its start price may change, too; a bid that came too early met the old one."""
    soon = clock.now() + timedelta(minutes=5)
    room = Saleroom(opens_at=soon, preview_until=soon, closes_at=soon + timedelta(hours=1))
    lot = room.lot(state=LotState.PREVIEW, closes_in=timedelta(hours=1))
    assert room.bid(lot, alice(), 1000).least == 1000
    Lot.objects.filter(pk=lot.pk).update(start_price=5000)
    with clock.shifted(timedelta(minutes=6)):
        assert room.bid(lot, alice(), 5000).verdict == "accepted"
        assert differences() == []


FALSE = [
    ("auctions_bid", "n = 4", "verdict = 'accepted'", (4, "verdict")),
    ("auctions_bid", "n = 2", "price = 1100", (2, "price")),
    ("auctions_bid", "n = 3", "least = 1200", (3, "least amount")),
    ("auctions_bid", "n = 8", "leader_id = leader_id + 1", (8, "leader")),
    ("auctions_bid", "n = 8", "maximum = 6500", (None, "maximum")),
    ("auctions_bid", "n = 3", "closes_at = closes_at + interval '1 s'", (3, "end")),
    ("auctions_bid", "n = 3", "met_end = met_end + interval '1 s'", (3, "end that it met")),
    ("auctions_bid", "n = 3", "at = at - interval '1 h'", (3, "time")),
    ("auctions_bid", "n = 8", "n = 9", (9, "number")),
    ("auctions_bid", "n = 1", "bidder_id = 9999", (1, "paddle of its bidder")),
    ("auctions_bidding", "true", "price = price - 1", (None, "price at last")),
    ("auctions_bidding", "true", "leader_id = leader_id + 1", (None, "winner")),
    ("auctions_bidding", "true", "maximum = maximum + 1", (None, "maximum")),
    ("auctions_bidding", "true", "bids = bids + 1", (None, "bids")),
    ("auctions_bidding", "true", "decisions = decisions + 1", (None, "decisions")),
    ("auctions_bidding", "true", "extensions = 0", (None, "extensions by bids")),
    (
        "auctions_bidding",
        "true",
        "closes_at = closes_at + interval '1 s'",
        (None, "end at last"),
    ),
    (
        "auctions_bidding",
        "true",
        "state = 3, due_at = NULL, hammer = 1, ended_at = closes_at",
        (None, "hammer"),
    ),
    (
        "auctions_bidding",
        "true",
        "state = 5, due_at = NULL, ended_at = closes_at",
        (None, "sold"),
    ),
    (
        "auctions_bidding",
        "true",
        "state = 3, due_at = NULL, hammer = price, ended_at = closes_at - interval '1 s'",
        (None, "closed at its end or after"),
    ),
]


@pytest.mark.parametrize(("table", "where", "what", "told"), FALSE, ids=[f[2] for f in FALSE])
def test_what_is_falsified_is_found(
    room: Saleroom, table: str, where: str, what: str, told: tuple[object, object]
) -> None:
    """One figure changed behind the database's back, and the first difference is named."""
    contested(room)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auctions_bid DISABLE TRIGGER ALL")
        cursor.execute(f"UPDATE {table} SET {what} WHERE {where}")
    assert differences() == [told]


def test_a_decision_that_is_missing_is_found(room: Saleroom) -> None:
    """A row taken out of the log leaves a gap; one at its end leaves the lot's count alone."""
    contested(room)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auctions_bid DISABLE TRIGGER ALL")
        cursor.execute("DELETE FROM auctions_bid WHERE n = 8")
        assert differences() == [(None, "decisions")]
        cursor.execute("DELETE FROM auctions_bid WHERE n = 5")
    assert differences() == [(6, "number")]


def test_a_move_of_the_end_that_nobody_told_is_found(room: Saleroom) -> None:
    """An end moved without its row shows at the next bid."""
    lot = contested(room)
    Bidding.objects.filter(pk=lot.pk).update(
        closes_at=lot.closes_at + timedelta(days=1), due_at=lot.closes_at + timedelta(days=1)
    )
    room.bid(lot, alice(), 8000)
    assert differences() == [(9, "end that it met")]


def test_who_bid_without_a_deposit_is_found(clone: str) -> None:
    """A bid that counted though no deposit admitted: the gate's own promise tells it."""
    room = Saleroom()
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    assert offending(GATE) == []
    type(lot.lot).objects.update(deposit=500)
    assert [row["bidder_id"] for row in offending(GATE)] == [alice().pk]
    row = room.deposit(alice(), lot=lot)
    assert [row["n"] for row in offending(GATE)] == [1]
    type(row).objects.update(paid_at=room.opened)
    assert offending(GATE) == []


def test_a_wrong_rule_is_found(room: Saleroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a rule that lets ties go to the later, which the model does not follow."""
    real = rules._outbid

    def later_wins(fixed: Rules, now: Standing, wish: Wish) -> Standing:
        if now.maximum is not None and wish.top == now.maximum:
            return replace(now, price=wish.top, leader=wish.bidder)
        return real(fixed, now, wish)

    monkeypatch.setattr(rules, "_outbid", later_wins)
    lot = room.lot()
    room.bid(lot, alice(), 1000, 2000)
    room.bid(lot, bob(), 2000)
    assert differences() == [(2, "leader")]


def test_random_auctions_replay(room: Saleroom, settings: Any) -> None:
    """Six lots, sixty random bids each by five people, with reserves and odd steps: no difference."""
    settings.AUCTION_BIDS = 10_000
    people: list[User] = room.bidders(5)
    for seed in range(6):
        chance = random.Random(seed)
        lot = room.lot(
            closes_in=timedelta(minutes=chance.randint(5, 60)),
            steps=[[0, 7], [1500, 35], [6000, 111]],
            reserve=chance.choice([None, 5000]),
            start_price=chance.choice([0, 1000]),
        )
        for _ in range(60):
            lot.refresh_from_db()
            amount = max(1, (lot.price or 900) + chance.randint(-50, 800))
            maximum = chance.choice([None, amount, amount + chance.randint(0, 2000)])
            room.bid(lot, chance.choice(people), amount, maximum, chance.random() < 0.8)
    assert Bid.objects.count() == 360
    assert differences() == []
