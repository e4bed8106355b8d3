"""Bids race bids, the close, a withdrawal, their deposits and a kill: numbered without a gap, told true.

`alone` decides without the committer, as if each bidder had come to another process.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import bidding, committing, paddles
from shigu.auctions.bidding import LOCK, RULES, decide_many
from shigu.auctions.deciding import Decision, Offer
from shigu.auctions.errors import LotBusy
from shigu.auctions.models import Bid, Bidding, Deposit, DepositState, LotState, Verdict
from shigu.auctions.withdrawing import withdraw_lot
from shigu.clock.drain import drain
from tests.auctions.sale import go_to
from tests.auctions.saleroom import Saleroom, log, standing
from tests.auditing import assert_audit_holds
from tests.people import alice, bob, carol
from tests.races.market import dice, rounds
from tests.races.together import (
    PATIENCE,
    settled_or_blocked,
    start,
    stopped_at,
    together,
    wait_until_blocked,
)

SECOND = timedelta(seconds=1)


@pytest.fixture
def room(clone: str, settings: Any) -> Saleroom:
    """A live session; everybody has a number already, so that what races is the bidding."""
    settings.AUCTION_BIDS = 10_000
    found = Saleroom()
    for person in (alice(), bob(), carol()):
        paddles.draw(found.session.pk, person.pk)
    return found


def alone(offer: Offer) -> Callable[[], Any]:
    """Decide it in a transaction of its own."""
    return lambda: decide_many([offer])[0]


def held(lot: Bidding, has_it: threading.Event, may_go: threading.Event) -> None:
    """Somebody keeps the lot locked for a while: a slow process, a long garbage collection."""
    with transaction.atomic(durable=True):
        Bidding.objects.select_for_update(no_key=True).get(pk=lot.pk)
        has_it.set()
        may_go.wait(PATIENCE)


def numbered_and_true(lot: Bidding, *numbers: int) -> None:
    """The log is numbered so, and all promises hold."""
    assert [n for n, _ in log(lot)] == list(numbers)
    assert_audit_holds()


# -- bid and close ----------------------------------------------------------------------------------


def test_a_bid_decided_before_the_end_counts_however_late_it_commits(room: Saleroom) -> None:
    """Decided in time, it stands still across the end: the closer leaves it alone, then sells it to her."""
    lot = room.lot()
    with stopped_at("auctions.bid.decided") as stop:
        bidder = start(alone(room.offer(lot, alice(), 1000)))
        stop.wait()
        go_to(lot.closes_at, ring=False)
        assert drain("auctions.close").claimed == 0
        stop.release()
        assert bidder.result().verdict == Verdict.ACCEPTED
    assert drain("auctions.close").claimed == 1
    lot.refresh_from_db()
    assert (lot.state, lot.leader_id, lot.hammer) == (LotState.SOLD, alice().pk, 1000)
    numbered_and_true(lot, 1)


def test_a_bid_that_meets_the_closer_is_over(room: Saleroom) -> None:
    """The closer has the lot: the bid waits, and finds it closed; its log has ended."""
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    go_to(lot.closes_at, ring=False)
    with stopped_at("auctions.close.claimed") as stop:
        closer = start(lambda: drain("auctions.close"))
        stop.wait()
        late = start(alone(room.offer(lot, bob(), 1100)))
        settled_or_blocked(late)
        stop.release()
        assert (late.result().verdict, late.result().n) == (Verdict.ENDED, 0)
        assert closer.result().claimed == 1
    assert standing(lot) == (1000, alice().pk)
    numbered_and_true(lot, 1)


def stalled_across_the_end(room: Saleroom) -> None:
    """Bob's bid comes in time and waits for the lot until after its end."""
    lot, has_it, may_go = room.lot(), threading.Event(), threading.Event()
    room.bid(lot, alice(), 1000)
    keeper = start(lambda: held(lot, has_it, may_go))
    assert has_it.wait(PATIENCE)
    waiting = start(alone(room.offer(lot, bob(), 1100)))
    wait_until_blocked()
    go_to(lot.closes_at, ring=False)
    may_go.set()
    keeper.result()
    assert waiting.result().verdict == Verdict.ENDED
    assert standing(lot) == (1000, alice().pk)
    numbered_and_true(lot, 1, 2)


def test_a_bid_that_waited_across_the_end_is_refused(room: Saleroom) -> None:
    """The clock is read after the lock: what is decided after the end is after the end."""
    stalled_across_the_end(room)


def test_control_a_clock_read_before_the_lock_lets_it_in(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with the time of its coming, the bid counts after the end."""
    real = bidding._ask

    def early(offers: Sequence[Offer]) -> dict[str, list[Any]]:
        now = clock.now()
        found = real(offers)
        found[RULES] = [(now, *found[RULES][0][1:])]
        return found

    monkeypatch.setattr(bidding, "_ask", early)
    with pytest.raises(AssertionError, match=r"ACCEPTED == Verdict\.ENDED"):
        stalled_across_the_end(room)


def last_milliseconds(room: Saleroom, seed: int, most: int) -> Counter[str]:
    """Bidders and closers meet around one end: who was before it counts, who was after does not.

    It is at most `most` milliseconds ahead, once all of them are connected, and they go on until it is over
    for each. How many bids got which answer.
    """
    chance, lot = dice(seed), room.lot()

    def set_end() -> None:
        ends = clock.now() + timedelta(milliseconds=chance.randint(most // 4, most))
        Bidding.objects.filter(pk=lot.pk).update(closes_at=ends, due_at=ends)

    line = threading.Barrier(5, set_end)

    def ready() -> None:
        connection.ensure_connection()
        line.wait(PATIENCE)

    def bidder(person: User, seed: int) -> Callable[[], None]:
        mine = random.Random(seed)

        def act() -> None:
            ready()
            late = 0
            while late < 4:
                price = Bidding.objects.values_list("price", flat=True).get(pk=lot.pk) or 900
                offer = room.offer(lot, person, price + mine.choice([100, 100, 300]))
                late += alone(offer)().verdict == Verdict.ENDED

        return act

    def closer() -> None:
        ready()
        while Bidding.objects.get(pk=lot.pk).state == LotState.LIVE:
            drain("auctions.close")

    people = [alice(), bob(), carol()]
    acts: list[Callable[[], Any]] = [bidder(one, chance.randrange(10**9)) for one in people]
    results = together(*acts, closer, closer)
    assert not [result for result in results if isinstance(result, Exception)], results
    lot.refresh_from_db()
    rows = list(Bid.objects.filter(lot_id=lot.pk).order_by("n"))
    assert [row.n for row in rows] == list(range(1, len(rows) + 1))
    assert all((row.at >= lot.closes_at) == (row.verdict == "ended") for row in rows)
    counted = [row for row in rows if row.verdict == "accepted"]
    assert lot.state == (LotState.SOLD if counted else LotState.PASSED_IN)
    assert lot.leader_id == (counted[-1].bidder_id if counted else None)
    return Counter(row.verdict for row in rows)


def test_bids_and_closers_around_an_end(room: Saleroom) -> None:
    """Random last moments, three bidders and two closers: the log is whole and the winner is its last.

    Bids were decided on both sides of an end, or there are more rounds; where none came in time, the next
    end is later.
    """
    seen: Counter[str] = Counter()
    most, few = 300, len(rounds(4, 200))
    for seed in range(few + 30):
        found = last_milliseconds(room, seed, most)
        seen += found
        most = most if found["accepted"] else 2 * most
        if seed + 1 >= few and seen["accepted"] and seen["ended"]:
            break
    assert_audit_holds()
    assert seen["accepted"]
    assert seen["ended"]


# -- bid and bid ------------------------------------------------------------------------------------


def equal_maxima(room: Saleroom) -> None:
    """Two processes bring the same maximum at once."""
    lot = room.lot()
    with stopped_at("auctions.bid.decided") as stop:
        first = start(alone(room.offer(lot, alice(), 1000, 2500)))
        stop.wait()
        second = start(alone(room.offer(lot, bob(), 1100, 2500)))
        settled_or_blocked(second)
        stop.release()
        answers = [first.result(), second.result()]
    assert [type(answer) for answer in answers] == [Decision, Decision], answers
    assert [(answer.n, answer.leads) for answer in answers] == [(1, True), (2, False)]
    assert standing(lot) == (2500, alice().pk)
    numbered_and_true(lot, 1, 2)


def test_of_equal_maxima_the_first_to_lock_leads(room: Saleroom) -> None:
    """The second waits for the first, then is outbid by it at their common maximum."""
    equal_maxima(room)


UNLOCKED = LOCK.replace("FOR NO KEY UPDATE", "")


def test_control_without_the_lock_the_number_refuses(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both decide as number 1; the unique number lets only one of them be written."""
    monkeypatch.setattr(bidding, "LOCK", UNLOCKED)
    with pytest.raises(AssertionError, match="IntegrityError"):
        equal_maxima(room)
    assert Bid.objects.count() == 1
    monkeypatch.undo()
    assert_audit_holds()


def test_control_without_lock_and_number_a_bid_is_lost(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both are told that they lead, one is forgotten, and the replay finds it."""
    monkeypatch.setattr(bidding, "LOCK", UNLOCKED)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auctions_bid DROP CONSTRAINT bid_numbered_once")
    with pytest.raises(AssertionError, match=r"\(1, True\), \(1, True\)"):
        equal_maxima(room)
    assert Counter(Bid.objects.values_list("n", flat=True)) == {1: 2}
    with pytest.raises(AssertionError, match="number"):
        assert_audit_holds()


def test_the_database_refuses_a_second_of_one_number(room: Saleroom) -> None:
    """The constraint behind the lock: one number, one decision; one key, one decision."""
    lot = room.lot()
    room.bid(lot, alice(), 1000, key="k")
    row = Bid.objects.get()
    for n, key in [(1, "other"), (2, "k")]:
        row.pk, row.n, row.key = None, n, key
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def two_tabs(room: Saleroom, *keys: str) -> list[Any]:
    """One bidder's same bid from two tabs, in two processes."""
    lot = room.lot()
    with stopped_at("auctions.bid.decided") as stop:
        first = start(alone(room.offer(lot, alice(), 1000, key=keys[0])))
        stop.wait()
        second = start(alone(room.offer(lot, alice(), 1000, key=keys[1])))
        settled_or_blocked(second)
        stop.release()
        return [first.result(), second.result()]


def test_a_double_click_is_one_bid(room: Saleroom) -> None:
    """The same key in two processes at once: one decision, told twice."""
    first, second = two_tabs(room, "k", "k")
    assert (first.n, second.n, second.repeated) == (1, 1, True)
    assert Bid.objects.count() == 1
    assert_audit_holds()


def test_two_tabs_of_a_bidder_do_not_outbid_each_other(room: Saleroom) -> None:
    """Another key: a second decision, which says that one leads already."""
    first, second = two_tabs(room, "left", "right")
    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.LEADING)
    assert_audit_holds()


def test_control_without_the_lock_a_double_click_fails(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the second click meets a unique key instead of its answer."""
    monkeypatch.setattr(bidding, "LOCK", UNLOCKED)
    answers = two_tabs(room, "k", "k")
    assert isinstance(answers[1], IntegrityError) or isinstance(answers[0], IntegrityError)


def test_those_who_wait_are_decided_together(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one group commits the others gather: forty bids take two transactions, in order of arrival."""
    groups: list[int] = []

    def counted(offers: Sequence[Offer]) -> Any:
        groups.append(len(offers))
        return decide_many(offers)

    monkeypatch.setattr(committing, "decide_many", counted)
    lot, people = room.lot(), room.bidders(40)
    for person in people:
        paddles.draw(room.session.pk, person.pk)
    offers = [room.offer(lot, person, 1000 + 100 * n) for n, person in enumerate(people)]
    with stopped_at("auctions.bid.locked") as stop:
        sides = [start(lambda: committing.decided(offers[0]))]
        stop.wait()
        for n, offer in enumerate(offers[1:]):
            sides.append(start(lambda offer=offer: committing.decided(offer)))  # type: ignore[misc]
            while committing.lanes.waiting() <= n:
                pass
        stop.release()
        answers = [side.result() for side in sides]
    assert groups == [1, 39]
    assert [answer.n for answer in answers] == list(range(1, 41))
    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    numbered_and_true(lot, *range(1, 41))


def test_a_new_bidder_draws_a_number_and_joins(room: Saleroom) -> None:
    """Sixteen people who never bid before come at once: each has one number, and nobody is lost."""
    lot, people = room.lot(), room.bidders(16)
    answers = together(*[lambda p=p: committing.decided(room.offer(lot, p, 1000)) for p in people])
    assert Counter(answer.verdict for answer in answers) == {"accepted": 1, "too-low": 15}
    numbered_and_true(lot, *range(1, 17))


def test_random_bids_through_lane_and_beside_it(room: Saleroom) -> None:
    """Eight people bid at random on two lots, together and alone: both logs are whole and replay."""
    people = room.bidders(8)
    for person in people:
        paddles.draw(room.session.pk, person.pk)
    for seed in rounds(3, 100):
        lots = [room.lot(), room.lot(reserve=4000)]
        results = together(*[shopper(room, lots, p, seed * 100 + p.pk) for p in people])
        assert not [result for result in results if isinstance(result, Exception)], results
        for lot in lots:
            numbers = [n for n, _ in log(lot)]
            assert numbers == list(range(1, len(numbers) + 1))
        assert_audit_holds()


def shopper(room: Saleroom, lots: list[Bidding], person: User, seed: int) -> Callable[[], None]:
    """One person's twelve bids."""
    mine = random.Random(seed)

    def act() -> None:
        for _ in range(12):
            lot = mine.choice(lots)
            amount = mine.randint(10, 60) * 100
            offer = room.offer(lot, person, amount, mine.choice([None, amount + 500]), True)
            (committing.decided if mine.random() < 0.5 else lambda o: decide_many([o]))(offer)

    return act


# -- bid and others who lock the lot ----------------------------------------------------------------


def bid_meets_withdrawal(room: Saleroom) -> Bidding:
    """An operator withdraws a lot while a bid on it arrives."""
    lot = room.lot()
    room.bid(lot, alice(), 1000)
    with stopped_at("auctions.withdraw.locked") as stop:
        operator = start(lambda: withdraw_lot(lot.pk, why="it broke"))
        stop.wait()
        late = start(alone(room.offer(lot, bob(), 1100)))
        settled_or_blocked(late)
        stop.release()
        assert not isinstance(operator.result(), Exception)
        told = late.result()
        assert isinstance(told, Decision), told
        assert told.verdict == Verdict.ENDED
    assert standing(lot) == (1000, alice().pk)
    assert lot.state == LotState.WITHDRAWN
    numbered_and_true(lot, 1)
    return lot


def test_a_bid_that_meets_a_withdrawal_is_over(room: Saleroom) -> None:
    """It waits, and finds nothing to bid on."""
    bid_meets_withdrawal(room)


def test_control_without_the_lock_a_withdrawn_lot_is_bid_on(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: read without the lock it still looks open; only the row's own constraint refuses."""
    monkeypatch.setattr(bidding, "LOCK", UNLOCKED)
    with pytest.raises(AssertionError, match="bidding_due_while_open"):
        bid_meets_withdrawal(room)


def test_a_withdrawal_waits_for_a_bid(room: Saleroom) -> None:
    """The other way round: the bid counts and is written, then the lot is withdrawn."""
    lot = room.lot()
    with stopped_at("auctions.bid.decided") as stop:
        bidder = start(alone(room.offer(lot, bob(), 1000)))
        stop.wait()
        operator = start(lambda: withdraw_lot(lot.pk, why="it broke"))
        settled_or_blocked(operator)
        stop.release()
        assert bidder.result().verdict == Verdict.ACCEPTED
        operator.result()
    assert standing(lot) == (1000, bob().pk)
    assert lot.state == LotState.WITHDRAWN
    numbered_and_true(lot, 1)


def decide_deposit(deposit: Deposit) -> datetime:
    """As the clock decides one: under its lock, the clock read after it; when it was."""
    with transaction.atomic(durable=True):
        Deposit.objects.select_for_update(no_key=True).get(pk=deposit.pk)
        now = clock.now()
        Deposit.objects.filter(pk=deposit.pk).update(state=DepositState.DECIDED, ended_at=now)
    return now


def deposit_decided_meanwhile(room: Saleroom) -> None:
    """Bob's deposit is to be decided while his bid is being decided."""
    lot = room.lot(deposit=500)
    deposit = room.deposit(bob(), 500, lot)
    with stopped_at("auctions.bid.decided") as stop:
        bidder = start(alone(room.offer(lot, bob(), 1000)))
        stop.wait()
        decider = start(lambda: decide_deposit(deposit))
        settled_or_blocked(decider)
        assert Deposit.objects.get().state == DepositState.HELD, "decided under a bid it admits"
        stop.release()
        assert bidder.result().verdict == Verdict.ACCEPTED
        assert decider.result() > bidder.result().at
    assert room.bid(lot, bob(), 1100, 5000).verdict == Verdict.NO_DEPOSIT


def test_a_deposit_is_not_decided_under_a_bid(room: Saleroom) -> None:
    """Whoever decides it waits for the bid that it admits; after that it admits nobody."""
    deposit_decided_meanwhile(room)


def test_control_without_the_shared_lock_the_deposit_goes_first(
    room: Saleroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: only read, the deposit is gone before the bid that it admits is written."""
    monkeypatch.setattr(bidding, "ADMITTED", bidding.ADMITTED.replace("FOR SHARE", ""))
    with pytest.raises(AssertionError, match="decided under a bid"):
        deposit_decided_meanwhile(room)


# -- kills ------------------------------------------------------------------------------------------

KILLED = """
import os, sys
import django
django.setup()
from shigu.auctions.bidding import decide_many
from shigu.auctions.deciding import Offer
from shigu.kit import breakpoints
lot, bidder, moment = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with breakpoints.at(moment, lambda: os._exit(9)):
    decide_many([Offer(lot, bidder, "k", 1000, 3000)])
"""


@pytest.mark.parametrize("moment", ["locked", "decided", "written"])
def test_a_committer_that_is_killed_leaves_nothing(room: Saleroom, clone: str, moment: str) -> None:
    """Ended before its commit, a bid was never made: its bidder asks again under the same key, as number 1."""
    lot = room.lot()
    entry = connection.settings_dict
    url = f"postgresql://{entry['USER']}@/{clone}?host={entry['HOST']}"
    code = [sys.executable, "-W", "ignore", "-c", KILLED]
    died = subprocess.run(
        [*code, str(lot.pk), str(alice().pk), f"auctions.bid.{moment}"],
        env={**os.environ, "DATABASE_URL": url},
        timeout=60,
        check=False,
    )
    assert died.returncode == 9
    assert not Bid.objects.exists()
    assert standing(lot) == (None, None)
    found = room.bid(lot, alice(), 1000, 3000, key="k")
    assert (found.n, found.repeated, found.leads) == (1, False, True)
    numbered_and_true(lot, 1)


def test_an_answer_that_was_lost_is_told_again(room: Saleroom) -> None:
    """Committed, and the process dies before it answers: the same key, in another process, gets the answer."""
    lot = room.lot()
    offer = room.offer(lot, alice(), 1000, key="k")
    with stopped_at("auctions.bid.written") as stop:
        lost = start(alone(offer))
        stop.wait()
        again = start(alone(offer))
        settled_or_blocked(again)
        stop.release()
        lost.result()
        assert again.result().repeated
    numbered_and_true(lot, 1)


def test_a_lot_that_is_held_too_long_says_come_back(room: Saleroom) -> None:
    """Nobody waits more than two seconds for a lot: who wait are told when to come again."""
    lot = room.lot()
    with stopped_at("auctions.bid.locked") as stop:
        slow = start(alone(room.offer(lot, alice(), 1000)))
        stop.wait()
        told = together(
            *[lambda p=p: committing.decided(room.offer(lot, p, 1100)) for p in (bob(), carol())]
        )
        assert [type(answer) for answer in told] == [LotBusy, LotBusy]
        stop.release()
        assert slow.result().leads
    numbered_and_true(lot, 1)
