"""The end of a lot meets bids, other closers, death, operators, and payments in the last second.

Each meeting is arranged with a named breakpoint; where a guard is taken away the same meeting must break
something, or the test proves nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from shigu import clock
from shigu.auctions import arranging, closing, second_chance, withdrawing
from shigu.auctions.errors_life import NothingToOffer, NotOpen
from shigu.auctions.models import Award, AwardState, Bidding, Deposit, LotState
from shigu.auctions.paying import LotOrders
from shigu.clock import ringing
from shigu.clock.claiming import Claimed, claim_query, run
from shigu.clock.drain import drain, drain_all
from shigu.clock.drained import Drained
from shigu.clock.kinds import Kind
from shigu.kit import breakpoints
from shigu.orders import handlers
from shigu.orders.models import Order
from shigu.payments.models import Attempt, Outcome, Refund, Why
from shigu.payments.provider import Standing
from tests.auctions.house import Alipay
from tests.auctions.sale import (
    HOME,
    HOUR,
    Sale,
    answer,
    at,
    award,
    deposit,
    go_to,
    opened,
    paid,
    people,
    person,
    state,
    status,
)
from tests.races.market import assert_audit_holds, dice, rounds
from tests.races.test_one_order import unlocked
from tests.races.together import settled_or_blocked, start, stopped_at, together

SECOND = timedelta(seconds=1)


def close() -> Drained:
    """One closer comes by."""
    return drain("auctions.close")


def claim_without_lock(kind: Kind, limit: int, floor: datetime | None = None) -> list[Claimed]:
    """What a claim would be without its lock."""
    query, values = claim_query(kind, limit, floor)
    return [
        Claimed(*row) for row in run(query.replace("FOR NO KEY UPDATE SKIP LOCKED", ""), values)
    ]


# -- fifty closers ------------------------------------------------------------------------------------


def over(lots: int) -> Sale:
    """Every other lot has a bid; the time of all of them is over, and nobody came to close them."""
    sale = Sale(*[{} for _ in range(lots)]).live()
    for lot, who in zip(sale.lots[::2], people(lots), strict=False):
        sale.bid(lot, who, 5000)
    go_to(sale.session.closes_at, ring=False)
    return sale


def test_fifty_closers_at_once(house: Alipay) -> None:
    """Twenty lots, fifty closers from one starting line: each lot ends once, each sale has one order."""
    sale = over(20)
    done = together(*[close] * 50)
    assert sum(one.affected for one in done) == 20
    assert not any(one.failed for one in done)
    drain_all()
    states = Counter(Bidding.objects.values_list("state", flat=True))
    assert states == {LotState.SOLD: 10, LotState.PASSED_IN: 10}
    assert (Award.objects.count(), Order.objects.count()) == (10, 10)
    sale.session.refresh_from_db()
    assert (sale.session.open_lots, sale.session.hammer_total) == (0, 50_000)
    assert_audit_holds()


def two_closers() -> None:
    """The second comes while the first has the lots in hand."""
    over(4)
    with stopped_at("auctions.close.awarded") as stop:
        first = start(close)
        stop.wait()
        second = start(close)
        settled_or_blocked(second)
        stop.release()
        done = [first.result(), second.result()]
    assert [one.failed for one in done] == [0, 0], done
    assert sum(one.affected for one in done) == 4, done
    assert_audit_holds()


def test_two_closers(house: Alipay) -> None:
    """The second passes by: what is in somebody's hand is not waited for."""
    two_closers()


def test_control_two_closers_without_claim_and_state(
    house: Alipay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: no lock at the claim, no look at the state: lots are sold a second time."""
    monkeypatch.setattr(ringing, "claim", claim_without_lock)
    monkeypatch.setattr(closing, "CLOSE", closing.CLOSE.replace("AND b.state IN (1, 2)", ""))
    with pytest.raises(AssertionError):
        two_closers()


# -- a bid in the last second ---------------------------------------------------------------------------


def bid_across_the_end() -> None:
    """A bid is decided a second before the end and not written yet when the clock comes to close."""
    sale = Sale({}, soft_window=120, soft_extension=120).live()
    [lot] = sale.lots
    bob = person("bob")
    sale.bid(lot, bob, 2000)  # so that he has his number
    carol = person("carol")
    sale.bid(lot, carol, 3000)
    end = at(lot).closes_at
    go_to(end - SECOND, ring=False)
    with stopped_at("auctions.bid.decided") as stop:
        bidding = start(lambda: sale.bid(lot, bob, 9000))
        stop.wait()
        go_to(end, ring=False)
        closer = start(close)
        settled_or_blocked(closer)
        stop.release()
        decision, _ = bidding.result(), closer.result()
    assert decision.verdict == "accepted", decision
    found = at(lot)
    assert (found.state, found.leader_id) == (LotState.PREVIEW, bob.pk)
    assert found.closes_at == decision.at + timedelta(seconds=120) > end
    go_to(found.closes_at)
    assert (state(lot), award(lot).user) == (LotState.SOLD, bob)
    assert_audit_holds()


def test_a_bid_across_the_end_is_waited_for_and_moves_it(house: Alipay) -> None:
    """The bid has the lot: the closer passes by, and the end that the bid moved holds."""
    bid_across_the_end()


def test_control_a_closer_that_does_not_claim_closes_a_moved_end(
    house: Alipay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a closer without its claim waits for the bid, then closes what is open again."""
    monkeypatch.setattr(ringing, "claim", claim_without_lock)
    with pytest.raises(AssertionError):
        bid_across_the_end()


@pytest.mark.parametrize("place", ["auctions.close.claimed", "auctions.close.awarded"])
def test_a_bid_while_its_lot_is_closed(house: Alipay, place: str) -> None:
    """The closer has the lot: the bid waits, and is told that it is over; the winner stays."""
    sale = Sale({}).live()
    [lot] = sale.lots
    bob, carol = person("bob"), person("carol")
    sale.bid(lot, carol, 2000)
    sale.bid(lot, bob, 3000)
    go_to(at(lot).closes_at, ring=False)
    with stopped_at(place) as stop:
        closer = start(close)
        stop.wait()
        bidding = start(lambda: sale.bid(lot, carol, 9000))
        settled_or_blocked(bidding)
        stop.release()
        closer.result()
        decision = bidding.result()
    assert decision.verdict == "ended", decision
    assert (award(lot).user, award(lot).price) == (bob, 3000)
    drain_all()
    assert_audit_holds()


# -- death ----------------------------------------------------------------------------------------------


def killed_at(place: str) -> int:
    """A closer of its own process, killed with -9 when it comes to `place`; the signal that ended it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        with breakpoints.at(place, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            close()
        os._exit(0)
    _, ended = os.waitpid(child, 0)
    return os.WTERMSIG(ended)


PLACES = [
    *("clock.ring.claimed", "auctions.close.claimed", "auctions.close.closed"),
    *("auctions.close.counted", "auctions.close.awarded", "auctions.close.done", "clock.ring.done"),
]


def test_killed_at_every_step(house: Alipay) -> None:
    """A closer dies at each step in turn: nothing of it is left, and the next one does all of it, once."""
    sale = Sale(*[{"deposit": 1000} for _ in range(4)])
    sale.publish()
    bob, carol = person("bob"), person("carol")
    held = [deposit(who, lot=sale.lots[0]) for who in (bob, carol)]
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], bob, 5000)
    go_to(sale.session.closes_at, ring=False)
    for place in PLACES:
        assert killed_at(place) == signal.SIGKILL, place
        assert set(Bidding.objects.values_list("state", flat=True)) == {LotState.PREVIEW}, place
        assert not Award.objects.exists()
        assert not Order.objects.exists()
        assert not Deposit.objects.filter(decide_at__isnull=False).exists()
    while at(sale.lots[0]).state == LotState.PREVIEW:
        close()
    drain_all()
    assert [state(lot) for lot in sale.lots] == [LotState.SOLD] + [LotState.PASSED_IN] * 3
    assert (Award.objects.count(), Order.objects.count()) == (1, 1)
    held[1].refresh_from_db()
    assert held[1].returned == 1000
    assert_audit_holds()


# -- operators ------------------------------------------------------------------------------------------


def test_withdrawing_across_the_end(house: Alipay) -> None:
    """An operator presses withdraw and the end comes before the lock: the lot is over, and is sold."""
    sale = Sale({}).live()
    [lot] = sale.lots
    sale.bid(lot, person("bob"), 5000)
    go_to(at(lot).closes_at - SECOND, ring=False)
    with stopped_at("auctions.withdraw.locked") as stop:
        operator = start(lambda: withdrawing.withdraw_lot(lot.pk, why="a crack"))
        stop.wait()
        go_to(at(lot).closes_at, ring=False)
        assert close().claimed == 0
        stop.release()
        assert isinstance(operator.result(), NotOpen)
    drain_all()
    assert state(lot) == LotState.SOLD
    assert_audit_holds()


def test_two_operators_offer_at_once(house: Alipay) -> None:
    """A lot that was not paid is offered by two operators: one offer, one refusal, one live award."""
    sale = Sale({}).live()
    [lot] = sale.lots
    for who, amount in (("alice", 2000), ("carol", 3000), ("bob", 5000)):
        sale.bid(lot, person(who), amount)
    go_to(at(lot).closes_at)
    go_to(award(lot).pay_by)
    answers = together(*[lambda: second_chance.offer(lot.pk)] * 4)
    refused = [one for one in answers if not isinstance(one, Award)]
    assert [type(one) for one in refused] == [NothingToOffer] * 3, answers
    live = Award.objects.get(state=AwardState.PENDING)
    assert (live.user, live.price) == (person("carol"), 3000)
    assert_audit_holds()


# -- the last second of the time to pay --------------------------------------------------------------------


def expire_while_paying(market_of: Callable[[], Award]) -> None:
    """The notify has the order when the clock would let it lapse."""
    found = market_of()
    attempt = opened("order", found.order_id, found.user)
    go_to(found.pay_by + HOUR, ring=False)
    Order.objects.filter(pk=found.order_id).update(due_at=found.pay_by)  # as after a definite no
    with stopped_at("auctions.award.paid") as stop:
        paying = start(lambda: paid(attempt, found.pay_by - SECOND))
        stop.wait()
        expiring = start(lambda: drain("orders.expire"))
        settled_or_blocked(expiring)
        stop.release()
        outcome, expired = paying.result(), expiring.result()
    assert (outcome, expired.claimed) == (Outcome.SETTLED, 0), (outcome, expired)
    drain_all()
    assert (state(found.lot), status(found.order)) == (LotState.PAID, 1)
    assert_audit_holds()


def won() -> Award:
    """Bob won a lot, with a deposit, and said where it goes."""
    sale = Sale({"deposit": 1000})
    sale.publish()
    deposit(person("bob"), lot=sale.lots[0])
    go_to(sale.session.opens_at)
    found = sale.sold(sale.lots[0], person("bob"), 5000)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    return found


def test_a_lot_is_not_overdue_while_it_is_being_paid(house: Alipay) -> None:
    """The clock passes by what a payment has in hand."""
    expire_while_paying(won)


def test_a_payment_while_the_lot_goes_overdue(
    house: Alipay,
) -> None:
    """The clock has the order: the payment waits, and goes back; never both paid and forfeited."""
    pay_while_expiring()


def pay_while_expiring() -> None:
    """The payment comes while the clock lets the order lapse."""
    found = won()
    attempt = opened("order", found.order_id, found.user)
    go_to(found.pay_by + HOUR, ring=False)
    Order.objects.filter(pk=found.order_id).update(due_at=found.pay_by)
    with stopped_at("auctions.award.ended") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: paid(attempt, found.pay_by - SECOND))
        settled_or_blocked(paying)
        stop.release()
        expiring.result()
        outcome = paying.result()
    assert outcome == Outcome.RETURNED, outcome
    drain_all()
    assert (state(found.lot), status(found.order)) == (LotState.OVERDUE, 3)
    assert_audit_holds()


def test_control_without_the_order_lock_it_is_paid_and_forfeited(
    house: Alipay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: settling without locking order and lot first pays what is being forfeited."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked)
    monkeypatch.setattr(LotOrders, "lock", lambda self, ids: None)
    with pytest.raises(AssertionError):
        pay_while_expiring()


class Winners:
    """Ten people with a deposit of ¥100 for all lots won ten lots each (a hundred in a deep run)."""

    def __init__(self, each: int) -> None:
        self.sale = Sale(*[{"deposit": 100} for _ in range(10 * each)], deposit=100 * 10 * each)
        self.sale.publish()
        self.people = people(10)
        self.deposits = [deposit(who, session=self.sale.session) for who in self.people]
        go_to(self.sale.session.opens_at)
        for nth, lot in enumerate(self.sale.lots):
            self.sale.bid(lot, self.people[nth % 10], 5000)
        go_to(self.sale.session.closes_at)
        Order.objects.update(sent_to=HOME)
        self.awards = list(Award.objects.select_related("order", "user").order_by("pk"))
        self.pay_by = self.awards[0].pay_by
        self.attempts = {one.pk: opened("order", one.order_id, one.user) for one in self.awards}


def told_until_heard(attempt: Attempt, moment: datetime | None) -> None:
    """As a provider does: a notify that nobody answered is told again."""
    for _ in range(20):
        try:
            paid(attempt, moment)
        except OperationalError:  # waited too long for a lock on a busy machine
            continue
        return
    raise AssertionError(f"nobody heard of {attempt}")


def test_payments_around_the_deadline(house: Alipay) -> None:
    """A hundred payments (deep: a thousand) within two seconds of the deadline, told late, twice, or only

    when asked, while the clock lets orders lapse: what was paid in time is paid, what was late goes back,
    nobody is both paid and forfeited, no payment is lost.
    """
    chance = dice(24)
    found = Winners(each=len(rounds(10, 100)))
    truth: dict[int, datetime | None] = {}
    for one in found.awards:
        moment = found.pay_by + timedelta(seconds=chance.uniform(-2, 2))
        truth[one.pk] = moment if chance.random() < 0.8 else None
        standing = Standing.PAID if truth[one.pk] else Standing.NOT_CREATED
        attempt = found.attempts[one.pk]
        house.of[attempt.out_trade_no] = answer(attempt, standing, truth[one.pk])
    told = [pk for pk, moment in truth.items() if moment and chance.random() < 0.7] * 2
    chance.shuffle(told)
    go_to(found.pay_by - SECOND, ring=False)

    def tell(share: list[int]) -> None:
        for pk in share:
            told_until_heard(found.attempts[pk], truth[pk])

    def ring() -> None:
        for _ in range(4):
            clock.shift(timedelta(seconds=12))
            drain_all()

    sides = [start(lambda s=told[n::4]: tell(s)) for n in range(4)]
    assert [side.result(within=600) for side in [*sides, start(ring)]] == [None] * 5
    go_to(found.pay_by + HOUR)
    check(found, truth)
    assert_audit_holds()


def check(found: Winners, truth: dict[int, datetime | None]) -> None:
    """Every award is what its payment's own instant says, and every fen is somewhere."""
    in_time = {pk for pk, moment in truth.items() if moment and moment <= found.pay_by}
    late = {pk for pk, moment in truth.items() if moment and moment > found.pay_by}
    assert in_time
    assert late
    states: dict[int, Any] = dict(Award.objects.values_list("pk", "state"))
    assert {pk for pk, one in states.items() if one == AwardState.PAID} == in_time
    assert {
        pk for pk, one in states.items() if one == AwardState.OVERDUE
    } == states.keys() - in_time
    assert not Award.objects.filter(state=AwardState.PAID, forfeited__gt=0).exists()
    back = Refund.objects.filter(why=Why.LATE).values_list("attempt_id", flat=True)
    assert sorted(back) == sorted(found.attempts[pk].pk for pk in late)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(forfeited), sum(returned), sum(amount) FROM auctions_deposit")
        forfeited, returned, all_of_it = cursor.fetchone()
    assert forfeited == 100 * (len(truth) - len(in_time))
    assert forfeited + returned == all_of_it
