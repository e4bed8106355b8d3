"""Long histories of sales, as shops have them: whatever came before, every promise holds at each step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu.accounts.models import User
from shigu.auctions import barring, relisting, reversing, second_chance, withdrawing
from shigu.auctions.models import Award, AwardState, Ban, DepositState, LotState
from shigu.clock.drain import drain_all
from shigu.orders import refunding
from tests.auctions.desk import Life, assert_audit_holds, held, life, passes, pays, won
from tests.auctions.sale import Sale, at, award, deposit, go_to, state
from tests.auctions.saleroom import HOUR, Saleroom
from tests.people import alice, bob, carol, operator

DAY = timedelta(days=1, seconds=1)
DECIDED = DepositState.DECIDED

pytestmark = pytest.mark.usefixtures("house")


def refunded(award: Award) -> Award:
    """An operator gives the price back, and the provider sends it."""
    refunding.refund(award.order_id, by=operator().pk)
    drain_all()
    return Award.objects.get(pk=award.pk)


@pytest.mark.parametrize("counts", [False, True])
def test_a_refund_after_another_lot_forfeited(counts: bool) -> None:
    """Its award was decided when it was paid, before the forfeit; a refund after it moves nothing of that."""
    room = Saleroom(deposit=100_000, deposit_counts=counts)
    paid, unpaid = room.lot(deposit=20_000), room.lot(deposit=30_000, closes_in=2 * HOUR)
    deposit = held(room, alice())
    room.bid(paid, alice(), 50_000, None, True)
    room.bid(unpaid, alice(), 1000)
    passes(HOUR)
    pays(won(paid))
    decided = won(paid).decided_at
    passes(HOUR)
    passes(DAY)
    assert won(unpaid).forfeited == 30_000
    assert_audit_holds()
    award = refunded(won(paid))
    assert_audit_holds()
    assert (award.state, award.decided_at) == (AwardState.CANCELLED, decided)
    assert life(deposit) == Life(DECIDED, returned=700, forfeited=300)


def opened(sale: Sale, *who: User) -> Sale:
    """Live, and these have paid its deposit."""
    sale.publish()
    for one in who:
        deposit(one, session=sale.session)
    go_to(sale.session.opens_at)
    return sale


@pytest.mark.parametrize("counts", [False, True])
def test_everything_that_may_befall_a_sale(counts: bool) -> None:
    """One lot after the other: paid, unpaid, withdrawn, passed in; refunds, a second chance, a new sale."""
    shares = ({"deposit": share} for share in (20_000, 30_000, 40_000, 10_000))
    rules = {"deposit": 100_000, "deposit_counts": counts, "stagger": 2 * 86400}
    sale = opened(Sale(*shares, **rules), bob(), carol())
    first, second, third, fourth = sale.lots
    for lot in (first, second, third):
        sale.bid(lot, carol(), 30_000)
        sale.bid(lot, bob(), 50_000)
    go_to(at(first).closes_at)
    pays(award(first))
    assert_audit_holds()
    go_to(at(second).closes_at)
    go_to(award(second).pay_by)
    assert (state(second), award(second).forfeited) == (LotState.OVERDUE, 30_000)
    assert_audit_holds()
    withdrawing.withdraw_lot(third.pk, why="a crack")
    drain_all()
    assert_audit_holds()
    refunded(award(first))
    assert_audit_holds()
    offered = second_chance.offer(second.pk)
    assert_audit_holds()
    pays(offered)
    assert_audit_holds()
    refunded(offered)
    assert (state(first), state(second)) == (LotState.WITHDRAWN, LotState.WITHDRAWN)
    assert_audit_holds()
    barring.lift(Ban.objects.get().pk, reason="said so")
    assert_audit_holds()
    go_to(at(fourth).closes_at)
    assert state(fourth) == LotState.PASSED_IN
    assert_audit_holds()
    reversing.reverse(Award.objects.get(forfeited__gt=0).pk, reason="said so", by=operator().pk)
    drain_all()
    assert_audit_holds()
    coming = Sale(deposit=100_000)
    again = [relisting.relist(lot.pk, session_id=coming.session.pk) for lot in sale.lots]
    opened(coming, bob())
    assert coming.bid(again[1], bob(), 50_000).verdict == "banned", "from what he did not pay once"
    coming.bid(again[0], bob(), 50_000)
    go_to(at(again[0]).closes_at)
    pays(award(again[0]))
    drain_all()
    assert state(again[0]) == LotState.PAID
    assert_audit_holds()
