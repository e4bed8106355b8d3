"""What becomes of a held deposit: back to everyone but the winner, once; what waits, and what counts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import waking
from shigu.auctions.deciding_deposits import Covered, Decision, Held, decide_deposits, decision
from shigu.auctions.models import AwardState, Deposit, DepositState, Verdict
from shigu.auctions.withdrawing import withdraw_lot, withdraw_session
from shigu.clock.drain import drain
from shigu.kit.auditing import offending
from shigu.orders import refunding
from shigu.orders.models import Order, Status
from shigu.payments.models import Attempt, Outcome, Refund
from shigu.payments.paying import pay_from_balance
from tests.auctions.desk import (
    Life,
    asked,
    assert_audit_holds,
    held,
    life,
    passes,
    pays,
    story,
    won,
)
from tests.auctions.saleroom import HOUR, Saleroom
from tests.people import alice, bob, carol
from tests.wallet.purse import has, topped_up

DAY = timedelta(days=1, seconds=1)
HELD, DECIDED = DepositState.HELD, DepositState.DECIDED
PENDING, PAID, OVERDUE = AwardState.PENDING, AwardState.PAID, AwardState.OVERDUE


# -- the rule, pure ------------------------------------------------------------------------------------


def covered(award_id: int, state: AwardState, share: int, counted: int = 0) -> Covered:
    return Covered(award_id, state, share, counted, is_forfeited=False)


def for_all(left: int = 1000, *, is_over: bool = True) -> Held:
    return Held(1, 1, left, False, is_over)


def taken(found: Decision) -> list[tuple[int, int]]:
    return [(one.award_id, one.amount) for one in found.forfeits]


def test_in_the_order_of_deadlines() -> None:
    """300, 500 and what is left of 400; nothing goes back and nothing is to come."""
    found = decision(for_all(), [covered(n, OVERDUE, s) for n, s in enumerate([300, 500, 400])])
    assert (taken(found), found.back, found.is_last) == ([(0, 300), (1, 500), (2, 200)], 0, True)


def test_nothing_is_taken_before_what_comes_earlier_is_decided() -> None:
    """The first one may still be paid: the others wait, or they would take its share."""
    awards = [covered(0, PENDING, 300), covered(1, OVERDUE, 500), covered(2, OVERDUE, 400)]
    found = decision(for_all(), awards)
    assert (taken(found), found.back, found.is_last) == ([], 0, False)


def test_what_is_decided_before_a_pending_one_is_taken_at_once() -> None:
    """It cannot change any more."""
    found = decision(for_all(), [covered(0, OVERDUE, 300), covered(1, PENDING, 500)])
    assert (taken(found), found.back, found.is_last) == ([(0, 300)], 0, False)


def test_it_stays_while_something_can_still_be_bid_on() -> None:
    """Everything won is paid, but the session goes on."""
    found = decision(for_all(is_over=False), [covered(0, PAID, 300)])
    assert (found.back, found.is_last) == (0, False)


def test_a_lots_own_deposit_is_forfeited_whole() -> None:
    """Whatever the share says."""
    own = Held(1, 1, 1000, True, True)
    assert taken(decision(own, [covered(0, OVERDUE, 300)])) == [(0, 1000)]


def test_what_was_promised_to_a_price_is_kept_for_it() -> None:
    """A forfeit leaves what a later lot, still to be paid, was told that it counts."""
    awards = [covered(0, OVERDUE, 900), covered(1, PENDING, 900, counted=400)]
    assert taken(decision(for_all(), awards)) == [(0, 600)]


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_they_are_decided_the_same_is_taken(seed: int) -> None:
    """A hundred random deposits each: decided one award at a time, in any order, against one sum at the end."""
    chance = random.Random(seed)
    for _ in range(100):
        shares = [chance.randint(1, 900) for _ in range(chance.randint(1, 6))]
        ends = [chance.choice([PAID, OVERDUE]) for _ in shares]
        amount, left, expected = 1000, 1000, []
        for n, (share, end) in enumerate(zip(shares, ends, strict=True)):
            if end == OVERDUE and left:
                expected.append((n, min(left, share)))
                left -= min(left, share)
        assert one_at_a_time(chance, amount, shares, ends) == (expected, left), (shares, ends)


def one_at_a_time(
    chance: random.Random, left: int, shares: list[int], ends: list[AwardState]
) -> tuple[list[tuple[int, int]], int]:
    """What was forfeited, and what went back, when each end comes by itself."""
    awards = [covered(n, PENDING, share) for n, share in enumerate(shares)]
    forfeits: list[tuple[int, int]] = []
    for n in chance.sample(range(len(awards)), len(awards)):
        awards[n] = replace(awards[n], state=ends[n])
        found = decision(for_all(left), awards)
        for award_id, amount in taken(found):
            awards[award_id] = replace(awards[award_id], is_forfeited=True)
            forfeits.append((award_id, amount))
            left -= amount
        if found.is_last:
            return forfeits, found.back
    raise AssertionError("never decided")


# -- back, by the way it came ---------------------------------------------------------------------------


@pytest.fixture
def room(house: object) -> Saleroom:
    """A live session that asks for ¥1 000."""
    return Saleroom(deposit=100_000)


def test_everyone_but_the_winner_has_theirs_back(room: Saleroom) -> None:
    """The second bidder, and one who never bid, once each; the winner's waits for the payment."""
    lot = room.lot(deposit=20_000)
    winner, loser, silent = (held(room, one, lot) for one in (alice(), bob(), carol()))
    room.bid(lot, bob(), 1000)
    room.bid(lot, alice(), 2000)
    passes(HOUR)
    assert [life(one) for one in (loser, silent)] == [Life(DECIDED, returned=200)] * 2
    assert life(winner) == Life(HELD, held=200)
    assert pays(won(lot)) == Outcome.SETTLED
    passes(timedelta())
    assert life(winner) == Life(DECIDED, returned=200)
    assert story("refunded") == [("refunded", 200)] * 3
    assert Refund.objects.count() == 3
    assert_audit_holds()


def test_a_lot_passed_in_or_withdrawn_gives_all_back(room: Saleroom) -> None:
    """Nobody won it, whoever led."""
    reserved = room.lot(deposit=20_000, reserve=100_000)
    broken = room.lot(deposit=30_000)
    first, second = held(room, alice(), reserved), held(room, alice(), broken)
    room.bid(reserved, alice(), 1000)
    room.bid(broken, alice(), 1000)
    withdraw_lot(broken.pk, why="broken")
    passes(timedelta())
    assert (life(first), life(second)) == (Life(HELD, held=200), Life(DECIDED, returned=300))
    passes(HOUR)
    assert life(first) == Life(DECIDED, returned=200)
    assert_audit_holds()


def test_a_session_deposit_waits_for_the_end_of_the_session(room: Saleroom) -> None:
    """One lot closes, another goes on: it stays; then it goes back to whoever won nothing."""
    room.lot(deposit=20_000)
    room.lot(deposit=20_000, closes_in=2 * HOUR)
    deposit = held(room, alice())
    passes(HOUR)
    assert life(deposit) == Life(HELD, held=1000)
    passes(HOUR)
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert_audit_holds()


def test_what_was_won_and_paid_early_does_not_end_it(room: Saleroom) -> None:
    """It still admits to the lots that are open."""
    first, second = room.lot(deposit=20_000), room.lot(deposit=20_000, closes_in=3 * HOUR)
    deposit = held(room, alice())
    room.bid(first, alice(), 1000)
    passes(HOUR)
    pays(won(first))
    passes(timedelta())
    assert life(deposit) == Life(HELD, held=1000)
    assert room.bid(second, alice(), 1000).verdict == Verdict.ACCEPTED
    assert_audit_holds()


def test_a_withdrawn_session_gives_all_back(room: Saleroom) -> None:
    """The session's and the lots' own; one that nobody paid yet just lapses."""
    lot = room.lot(deposit=20_000)
    held_ones = [held(room, alice()), held(room, bob(), lot)]
    pending = asked(room, carol())
    withdraw_session(room.session.pk, why="fire")
    passes(timedelta())
    assert [life(one).held for one in held_ones] == [0, 0]
    assert [life(one).returned for one in held_ones] == [1000, 200]
    passes(HOUR)
    assert life(pending) == Life(DepositState.LAPSED)
    assert_audit_holds()


def test_it_goes_back_onto_the_balance_that_paid_it(room: Saleroom) -> None:
    """By the original route, to the fen."""
    lot = room.lot(deposit=20_000)
    topped_up(alice(), 30_000)
    deposit = asked(room, alice(), lot)
    pay_from_balance("deposit", deposit.pk, user_id=alice().pk)
    assert has(alice()) == 10_000
    passes(HOUR)
    assert (life(deposit), has(alice())) == (Life(DECIDED, returned=200), 30_000)
    assert_audit_holds()


def test_both_kinds_of_one_winner(room: Saleroom) -> None:
    """The lot's own waits for the lot; the session's covers nothing that was won, and goes back at the end."""
    lot = room.lot(deposit=20_000)
    own, for_session = held(room, alice(), lot), held(room, alice())
    room.bid(lot, alice(), 1000)
    passes(HOUR)
    assert (life(own), life(for_session)) == (Life(HELD, held=200), Life(DECIDED, returned=1000))
    passes(DAY)
    assert life(own) == Life(DECIDED, forfeited=200)
    assert_audit_holds()


def test_deciding_again_changes_nothing(room: Saleroom) -> None:
    """Woken once more, after it was decided and while it waits."""
    lot = room.lot(deposit=20_000)
    loser, winner = held(room, bob(), lot), held(room, alice(), lot)
    room.bid(lot, alice(), 1000)
    passes(HOUR)
    before = life(loser), life(winner), story("refund", "refunded", "forfeit")
    for _ in range(3):
        waking.of_lots([lot.pk], now=clock.now())
        waking.of_sessions([room.session.pk], now=clock.now())
        drain("auctions.decide_deposits")
    assert (life(loser), life(winner), story("refund", "refunded", "forfeit")) == before


# -- counting toward the price ----------------------------------------------------------------------------


@pytest.fixture
def counting(house: object) -> Saleroom:
    """A session whose deposits count toward the price."""
    return Saleroom(deposit=100_000, deposit_counts=True)


def test_it_counts_toward_the_price(counting: Saleroom) -> None:
    """Hammer ¥500, ¥200 of the deposit count: ¥300 are paid, ¥200 are moved to sales, ¥800 go back."""
    lot = counting.lot(deposit=20_000, start_price=50_000)
    deposit = held(counting, alice())
    counting.bid(lot, alice(), 50_000)
    passes(HOUR)
    award = won(lot)
    assert (award.counted, Order.objects.get(pk=award.order_id).payable) == (20_000, 30_000)
    assert life(deposit) == Life(HELD, held=1000)
    assert pays(award) == Outcome.SETTLED
    assert life(deposit) == Life(HELD, held=800, applied=200), "at the moment it is settled"
    passes(timedelta())
    assert life(deposit) == Life(DECIDED, returned=800, applied=200)
    assert sorted(story("payment", "apply")) == [("apply", 200), ("payment", 300)]
    assert_audit_holds()


def test_what_counts_is_forfeited_when_it_is_not_paid(counting: Saleroom) -> None:
    """It was only promised."""
    lot = counting.lot(deposit=20_000, start_price=50_000)
    deposit = held(counting, alice(), lot)
    counting.bid(lot, alice(), 50_000)
    passes(HOUR)
    passes(DAY)
    assert life(deposit) == Life(DECIDED, forfeited=200)
    assert_audit_holds()


def test_a_refunded_sale_gives_back_what_counted(counting: Saleroom) -> None:
    """The payment by its way, the deposit's part by the deposit's."""
    lot = counting.lot(deposit=20_000, start_price=50_000)
    deposit = held(counting, alice())
    counting.bid(lot, alice(), 50_000)
    passes(HOUR)
    award = won(lot)
    pays(award)
    passes(timedelta())
    refunding.refund(award.order_id, by=bob().pk)
    passes(timedelta())
    assert Order.objects.get(pk=award.order_id).status == Status.REFUNDED
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert sorted(story("refunded")) == [("refunded", 200), ("refunded", 300), ("refunded", 800)]
    assert_audit_holds()


# -- many at once ---------------------------------------------------------------------------------------------


def bidders_with_deposits(room: Saleroom, lot: object, count: int) -> list[Deposit]:
    """So many people who have paid for a lot, straight into the tables that paying writes."""
    start = User.objects.count()
    rows = [User(username=f"p{start + n}", email=f"p{start + n}@x.test") for n in range(count)]
    return [held(room, person, lot) for person in User.objects.bulk_create(rows)]


def queries_for(room: Saleroom, count: int) -> int:
    """Deciding so many losers of one lot together."""
    lot = room.lot(deposit=20_000)
    ids = [deposit.pk for deposit in bidders_with_deposits(room, lot, count)]
    withdraw_lot(lot.pk, why="a test")
    with CaptureQueriesContext(connection) as made, transaction.atomic():
        decide_deposits(ids, now=clock.now())
    assert set(Deposit.objects.filter(pk__in=ids).values_list("state", flat=True)) == {DECIDED}
    return len(made)


def test_many_losers_cost_as_many_queries_as_few(room: Saleroom) -> None:
    """Set-based: three or twelve, the same statements."""
    assert queries_for(room, 3) == queries_for(room, 12)


# -- each conservation figure, broken once --------------------------------------------------------------------


PLANTS = [
    "UPDATE auctions_deposit SET returned = returned - 1 WHERE returned > 0",
    "UPDATE auctions_deposit SET forfeited = forfeited - 1 WHERE forfeited > 0",
    "UPDATE auctions_deposit SET applied = applied - 1 WHERE applied > 0",
    "UPDATE auctions_deposit SET amount = amount + 1 WHERE state = 1",
    "UPDATE ledger_account SET balance = balance + 1 WHERE id & 255 = 2 AND balance > 0",
    "UPDATE payments_attempt SET amount = amount + 1 WHERE purpose = 'deposit'",
    "UPDATE payments_refund SET amount = amount - 1 WHERE why = 'deposit'",
    "UPDATE auctions_award SET forfeited = forfeited + 1 WHERE state = 2",
    "UPDATE auctions_award SET counted = counted + 1 WHERE state = 1",
    "UPDATE auctions_award SET state = 1 WHERE state = 2",
    "UPDATE auctions_deposit SET decide_at = NULL, state = 1, ended_at = NULL WHERE state = 2",
]


def test_each_figure_is_watched(counting: Saleroom) -> None:
    """Deposits with every fate; whatever row is changed by one fen, an invariant of number 7 tells."""
    from shigu.auctions.deposit_auditing import INVARIANTS

    lots = [counting.lot(deposit=20_000, start_price=50_000) for _ in range(2)]
    held(counting, alice(), lots[0])
    held(counting, bob(), lots[1])
    held(counting, carol(), lots[0])
    counting.lot(deposit=10_000, closes_in=100 * HOUR)
    held(counting, carol())
    counting.bid(lots[0], alice(), 50_000)
    counting.bid(lots[1], bob(), 50_000)
    passes(HOUR)
    pays(won(lots[0]))
    passes(DAY)
    assert_audit_holds()
    for plant in PLANTS:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(plant)
            assert cursor.rowcount >= 1, plant
            found = [one for one in INVARIANTS if _rows(cursor, one)]
            cursor.execute("ROLLBACK")
        assert found, plant
    assert not [one for one in INVARIANTS if offending(one)]


def _rows(cursor: object, invariant: object) -> list[object]:
    """The invariant's rows as this open transaction sees them."""
    bounds = {"first": 0, "last": 10**9}
    cursor.execute(invariant.sql, {**invariant.params, **bounds})  # type: ignore[attr-defined]
    return list(cursor.fetchall())  # type: ignore[attr-defined]


def test_a_deposit_ten_months_old_is_told_of(room: Saleroom) -> None:
    """The alarm line, while its provider would still send it back."""
    from shigu.auctions.deposit_auditing import NOT_OLD

    room.lot(deposit=20_000, closes_in=timedelta(days=400))
    deposit = held(room, alice())
    clock.shift(timedelta(days=299))
    assert offending(NOT_OLD) == []
    clock.shift(timedelta(days=2))
    assert [row["number"] for row in offending(NOT_OLD)] == [deposit.number]
    assert Attempt.objects.get(pk=deposit.attempt_id).refunding == 0
