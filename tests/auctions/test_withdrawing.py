"""A lot or a session is withdrawn with a reason; deposits come back; what is over stays as it is."""

from __future__ import annotations

import pytest

from shigu.auctions import withdrawing
from shigu.auctions.errors_life import NotOpen, NotWithdrawable, SayWhy
from shigu.auctions.models import DepositState, LotState, SessionState
from shigu.clock.drain import drain_all
from tests.auctions.sale import Sale, at, award, deposit, go_to, person, state
from tests.races.market import assert_audit_holds

pytestmark = pytest.mark.usefixtures("house")


def test_a_lot_is_withdrawn() -> None:
    """Its bids count no more, its deposits come back, the others go on; as the last one it ends the session."""
    sale = Sale({"deposit": 1000}, {"deposit": 1000})
    sale.publish()
    bob = person("bob")
    held = deposit(bob, lot=sale.lots[0])
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], bob, 5000)
    lot = withdrawing.withdraw_lot(sale.lots[0].pk, why=" a crack was found ")
    drain_all()
    assert (state(lot), lot.withdrawn_why) == (LotState.WITHDRAWN, "a crack was found")
    held.refresh_from_db()
    assert (held.state, held.returned) == (DepositState.DECIDED, 1000)
    assert (sale.state(), sale.session.open_lots) == (SessionState.LIVE, 1)
    assert sale.bid(lot, bob, 9000).verdict == "ended"
    assert_audit_holds()
    withdrawing.withdraw_lot(sale.lots[1].pk, why="too")
    drain_all()
    assert sale.state() == SessionState.ENDED
    assert_audit_holds()


def test_a_session_is_withdrawn() -> None:
    """One lot was sold before: it keeps its award, and the deposit that covers it waits; the rest is back."""
    sale = Sale({"deposit": 1000}, {"deposit": 1000}, deposit=9000, stagger=600)
    sale.publish()
    bob, carol = person("bob"), person("carol")
    bobs, carols = (deposit(who, session=sale.session) for who in (bob, carol))
    own = deposit(carol, lot=sale.lots[1])
    go_to(sale.session.opens_at)
    for lot in sale.lots:
        sale.bid(lot, bob, 5000)
    go_to(at(sale.lots[0]).closes_at)
    withdrawing.withdraw_session(sale.session.pk, why="the hall is flooded")
    drain_all()
    assert sale.state() == SessionState.WITHDRAWN
    assert sale.session.withdrawn_why == "the hall is flooded"
    assert [state(lot) for lot in sale.lots] == [LotState.SOLD, LotState.WITHDRAWN]
    for row, expected in ((bobs, 0), (carols, 9000), (own, 1000)):
        row.refresh_from_db()
        assert row.returned == expected
    assert_audit_holds()
    go_to(award(sale.lots[0]).pay_by)
    bobs.refresh_from_db()
    assert (bobs.state, bobs.forfeited, bobs.returned) == (DepositState.DECIDED, 1000, 8000)
    assert_audit_holds()


def test_a_reason_is_needed() -> None:
    """Bidders read it; without one nothing changes."""
    sale = Sale({}).live()
    with pytest.raises(SayWhy):
        withdrawing.withdraw_lot(sale.lots[0].pk, why="  ")
    with pytest.raises(SayWhy):
        withdrawing.withdraw_session(sale.session.pk, why="")
    assert (state(sale.lots[0]), sale.state()) == (LotState.PREVIEW, SessionState.LIVE)


def test_what_is_over_is_not_withdrawn() -> None:
    """A lot past its end, closed or not; a session that ended; a draft."""
    sale = Sale({}).live()
    go_to(sale.session.closes_at, ring=False)
    with pytest.raises(NotOpen):
        withdrawing.withdraw_lot(sale.lots[0].pk, why="late")
    with pytest.raises(NotWithdrawable):
        withdrawing.withdraw_session(sale.session.pk, why="late")
    drain_all()
    with pytest.raises(NotOpen):
        withdrawing.withdraw_lot(sale.lots[0].pk, why="late")
    with pytest.raises(NotWithdrawable):
        withdrawing.withdraw_session(sale.session.pk, why="late")
    with pytest.raises(NotWithdrawable):
        withdrawing.withdraw_session(Sale({}).session.pk, why="a draft")
    assert state(sale.lots[0]) == LotState.PASSED_IN
    assert_audit_holds()
