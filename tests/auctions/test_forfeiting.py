"""A forfeit is booked once and never changed; an operator gives it back by a contra transfer, with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from shigu import clock
from shigu.auctions.errors import NothingForfeited, ReversedAlready
from shigu.auctions.forfeiting import Forfeit, forfeit
from shigu.auctions.models import Award, Bidding, Deposit, DepositState
from shigu.auctions.reversing import reverse
from shigu.ledger.models import Transfer
from shigu.payments.models import Refund
from tests.auctions.desk import Life, assert_audit_holds, held, life, passes, pays, story, won
from tests.auctions.saleroom import HOUR, Saleroom
from tests.people import alice, operator

DAY = timedelta(days=1, seconds=1)
HELD, DECIDED = DepositState.HELD, DepositState.DECIDED
WHY = "The lot was not as described"


@pytest.fixture
def room(house: object) -> Saleroom:
    """A live session that asks for ¥1 000."""
    return Saleroom(deposit=100_000)


@pytest.fixture
def unpaid(room: Saleroom) -> Award:
    """Alice won a lot with a deposit of its own, and did not pay."""
    lot = room.lot(deposit=20_000)
    held(room, alice(), lot)
    room.bid(lot, alice(), 1000)
    passes(HOUR)
    passes(DAY)
    award = won(lot)
    assert award.forfeited == 20_000
    return award


def deposit_of(award: Award) -> Deposit:
    return Deposit.objects.get(pk=award.deposit_id)


def rows() -> list[object]:
    """All that giving back may write."""
    models = (Award, Deposit, Refund, Transfer)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_forfeit_given_back_is_a_contra_transfer(unpaid: Award) -> None:
    """The rows of before stand as they stood; the money goes back by the way it came, with who and why."""
    before = list(Transfer.objects.order_by("pk").values())
    reverse(unpaid.pk, reason=WHY, by=operator().pk)
    passes(timedelta())
    after = list(Transfer.objects.order_by("pk").values())
    assert after[: len(before)] == before
    assert story("forfeit", "reverse", "refunded") == [
        ("forfeit", 200),
        ("reverse", 200),
        ("refunded", 200),
    ]
    contra = Transfer.objects.get(kind="reverse")
    assert (contra.subject, contra.by_id, contra.note) == (unpaid.pk, operator().pk, WHY)
    assert life(deposit_of(unpaid)) == Life(DECIDED, returned=200)
    assert won(Bidding.objects.get(pk=unpaid.lot_id)).forfeited == 20_000, "what happened, happened"
    assert_audit_holds()


def test_it_is_given_back_once(unpaid: Award) -> None:
    """A second click is told so, and nothing else is written."""
    reverse(unpaid.pk, reason=WHY, by=operator().pk)
    before = rows()
    with pytest.raises(ReversedAlready):
        reverse(unpaid.pk, reason=WHY, by=operator().pk)
    assert rows() == before


def test_nothing_to_give_back(room: Saleroom) -> None:
    """An award that was paid forfeited nothing."""
    lot = room.lot(deposit=20_000)
    held(room, alice(), lot)
    room.bid(lot, alice(), 1000)
    passes(HOUR)
    pays(won(lot))
    passes(timedelta())
    before = rows()
    with pytest.raises(NothingForfeited):
        reverse(won(lot).pk, reason=WHY, by=operator().pk)
    assert rows() == before


def test_a_deposit_that_still_waits_holds_it_on(room: Saleroom) -> None:
    """A lot is unpaid and forgiven while the session goes on: it goes back with the rest at the end."""
    lot = room.lot(deposit=30_000)
    room.lot(deposit=20_000, closes_in=50 * HOUR)
    deposit = held(room, alice())
    room.bid(lot, alice(), 1000)
    passes(HOUR)
    passes(DAY)
    assert life(deposit) == Life(HELD, held=700, forfeited=300)
    reverse(won(lot).pk, reason=WHY, by=operator().pk)
    passes(timedelta())
    assert life(deposit) == Life(HELD, held=1000), "and it is not forfeited again"
    passes(50 * HOUR)
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert Refund.objects.count() == 1
    assert_audit_holds()


def test_what_a_later_lot_may_need_is_held_again(room: Saleroom) -> None:
    """The first lot took all; forgiven while the second is to be paid still: that takes its share later."""
    first = room.lot(deposit=100_000)
    second = room.lot(deposit=20_000, closes_in=3 * HOUR)
    deposit = held(room, alice())
    room.bid(first, alice(), 1000)
    room.bid(second, alice(), 1000)
    passes(HOUR)
    passes(2 * HOUR)
    passes(DAY - 2 * HOUR)
    assert life(deposit) == Life(DECIDED, forfeited=1000)
    reverse(won(first).pk, reason=WHY, by=operator().pk)
    assert life(deposit) == Life(HELD, held=1000)
    passes(2 * HOUR)
    assert life(deposit) == Life(DECIDED, forfeited=200, returned=800)
    assert_audit_holds()


def test_the_ledger_itself_takes_it_only_once(unpaid: Award) -> None:
    """Whatever went wrong above it, one award forfeits one time."""
    again = Forfeit(unpaid.pk, unpaid.deposit_id or 0, 1)
    before = rows()
    with pytest.raises(IntegrityError), transaction.atomic():
        forfeit([again], now=clock.now())
    assert rows() == before
