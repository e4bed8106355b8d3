"""The end of a lot meets bids, other closers and operators.

Each meeting is arranged with a named breakpoint; where a guard is taken away the same meeting must break
something, or the test proves nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from shigu.auctions import closing, second_chance, withdrawing
from shigu.auctions.errors_life import NothingToOffer, NotOpen
from shigu.auctions.models import Award, AwardState, Bidding, LotState
from shigu.clock.drain import drain, drain_all
from shigu.clock.drained import Drained
from shigu.orders.models import Order
from tests.auctions.house import Alipay
from tests.auctions.sale import (
    Sale,
    at,
    award,
    go_to,
    people,
    person,
    state,
)
from tests.auditing import assert_audit_holds
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import loose_claims

SECOND = timedelta(seconds=1)


def close() -> Drained:
    """One closer comes by."""
    return drain("auctions.close")


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
    """Negative control: no claim, no look at the state: only the database refuses a second sale."""
    loose_claims(monkeypatch)
    monkeypatch.setattr(closing, "CLOSE", closing.CLOSE.replace("AND b.state IN (1, 2)", ""))
    with pytest.raises(AssertionError, match=r"\[0, 4\] == \[0, 0\]"):
        two_closers()


# -- a bid in the last second ---------------------------------------------------------------------------


def bid_across_the_end() -> None:
    """A bid is decided a minute before the end and not written yet when the clock comes to close."""
    sale = Sale({}, soft_window=120, soft_extension=120).live()
    [lot] = sale.lots
    bob = person("bob")
    sale.bid(lot, bob, 2000)  # so that he has his number
    carol = person("carol")
    sale.bid(lot, carol, 3000)
    end = at(lot).closes_at
    go_to(end - 60 * SECOND, ring=False)
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
    loose_claims(monkeypatch)
    with pytest.raises(AssertionError, match=r"\(3, \d+\) == \(LotState\.PREVIEW"):
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
