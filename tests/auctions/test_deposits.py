"""A deposit from the wish to the account that holds it: who may have one, late and double money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.covering import Cover, Winner, covering
from shigu.auctions.deposit_standing import of, standing
from shigu.auctions.errors import (
    BadKey,
    DefaultedHere,
    DepositBarred,
    DepositClosed,
    DepositMissing,
    DepositOfTheHouse,
    DepositPaid,
    DepositTimeIsUp,
    FreeToBid,
    NoSessionDeposit,
)
from shigu.auctions.models import (
    Ban,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    LotState,
    Session,
    Verdict,
)
from shigu.auctions.withdrawing import withdraw_lot, withdraw_session
from shigu.clock.drain import drain, drain_all
from shigu.kit.errors import Refusal
from shigu.payments.errors import NotYours
from shigu.payments.models import Attempt, Outcome, Refund, State, Why
from shigu.payments.opening import Way, open_attempt
from shigu.payments.paying import pay_from_balance
from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing, providers
from tests.auctions.desk import (
    NOWHERE,
    Life,
    asked,
    assert_audit_holds,
    held,
    life,
    now_of,
    opened,
    passes,
    story,
    told,
)
from tests.auctions.saleroom import HOUR, Saleroom
from tests.people import alice, bob
from tests.wallet.purse import has, topped_up

PENDING, HELD = DepositState.PENDING, DepositState.HELD
LAPSED = DepositState.LAPSED
MOMENT = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def room(house: object) -> Saleroom:
    """A live session that asks for ¥1 000; its lots ask for what the test says."""
    return Saleroom(deposit=100_000)


@pytest.fixture
def lot(room: Saleroom) -> Bidding:
    """One lot that asks for ¥200."""
    return room.lot(deposit=20_000)


def rows() -> list[object]:
    """All that a deposit may write: equal before and after is "nothing changed"."""
    found = [list(model.objects.order_by("pk").values()) for model in (Deposit, Attempt, Refund)]
    return [*found, story("deposit", "returning", "refund", "refunded")]


def barred(user: User) -> Ban:
    """Somebody who did not pay what they won, a day ago."""
    now = clock.now()
    return Ban.objects.create(user=user, since=now - 24 * HOUR, until=now + 24 * HOUR)


def test_the_money_is_held_in_the_deposits_own_account(room: Saleroom, lot: Bidding) -> None:
    """Asked for, opened, paid: one transfer into an account of its own, and its owner may bid."""
    deposit = asked(room, alice(), lot)
    assert (deposit.state, deposit.amount, deposit.lot_id) == (PENDING, 20_000, lot.pk)
    assert deposit.pay_by - deposit.asked_at == django_settings.PAY_WINDOW
    attempt = opened(deposit)
    assert attempt.out_trade_no == f"{deposit.number}_1"
    assert told(attempt) == Outcome.SETTLED
    assert told(attempt) == Outcome.REPEATED
    assert life(deposit) == Life(HELD, held=200)
    assert now_of(deposit).attempt_id == attempt.pk
    assert story("deposit") == [("deposit", 200)]
    assert room.bid(lot, alice(), 1000).verdict == Verdict.ACCEPTED
    assert_audit_holds()


def test_a_session_deposit_admits_to_all_lots(room: Saleroom, lot: Bidding) -> None:
    """One deposit, two lots; somebody without any is told what is due."""
    other = room.lot(deposit=50_000)
    held(room, alice())
    for one in (lot, other):
        assert room.bid(one, alice(), 1000).verdict == Verdict.ACCEPTED
    assert room.bid(other, bob(), 2000).verdict == Verdict.NO_DEPOSIT
    assert DepositMissing.msgid().startswith("Pay the deposit of ¥%(due)s")


def test_a_deposit_for_one_lot_admits_to_no_other(room: Saleroom, lot: Bidding) -> None:
    """Nor does one that is not paid yet."""
    other = room.lot(deposit=20_000)
    held(room, alice(), lot)
    asked(room, alice(), other)
    assert room.bid(other, alice(), 1000).verdict == Verdict.NO_DEPOSIT


def test_it_is_paid_from_the_balance(room: Saleroom, lot: Bidding) -> None:
    """At once, and only with enough on it."""
    topped_up(alice(), 30_000)
    deposit = asked(room, alice(), lot)
    pay_from_balance("deposit", deposit.pk, user_id=alice().pk)
    assert (life(deposit), has(alice())) == (Life(HELD, held=200), 10_000)
    assert_audit_holds()


def test_zero_means_no_gate(house: object) -> None:
    """A lot that asks for nothing has nothing to pay; a session without one neither."""
    room = Saleroom(deposit=0)
    free, other = room.lot(), room.lot(deposit=100)
    before = rows()
    with pytest.raises(FreeToBid):
        asked(room, alice(), free)
    with pytest.raises(NoSessionDeposit):
        asked(room, alice())
    assert rows() == before
    assert room.bid(free, alice(), 1000).verdict == Verdict.ACCEPTED
    assert room.bid(other, alice(), 1000).verdict == Verdict.NO_DEPOSIT


def test_one_at_a_time(room: Saleroom, lot: Bidding) -> None:
    """Asking again, by the same key or another, gives the same one: pending or held."""
    first = asked(room, alice(), lot, key="k")
    assert asked(room, alice(), lot, key="k") == first
    assert asked(room, alice(), lot) == first
    told(opened(first))
    assert asked(room, alice(), lot) == first
    assert asked(room, alice()) != first, "for the whole session is another thing"
    assert asked(room, bob(), lot) != first
    assert Deposit.objects.count() == 3


def test_a_key_of_another_page_is_refused(room: Saleroom, lot: Bidding) -> None:
    """It was used for the session; nothing is made for the lot."""
    asked(room, alice(), key="k")
    before = rows()
    with pytest.raises(BadKey):
        asked(room, alice(), lot, key="k")
    assert rows() == before


def closed(room: Saleroom, lot: Bidding) -> None:
    """Its end has passed, and nobody closed it."""
    clock.shift(HOUR)


def withdrawn(room: Saleroom, lot: Bidding) -> None:
    withdraw_lot(lot.pk, why="broken")


def all_withdrawn(room: Saleroom, lot: Bidding) -> None:
    withdraw_session(room.session.pk, why="broken")


def ban(room: Saleroom, lot: Bidding) -> None:
    barred(alice())


def made_it(room: Saleroom, lot: Bidding) -> None:
    """It is her own session."""
    Session.objects.filter(pk=room.session.pk).update(made_by=alice())


CASES = [
    (closed, DepositClosed),
    (withdrawn, DepositClosed),
    (all_withdrawn, DepositClosed),
    (ban, DepositBarred),
]


@pytest.mark.parametrize("for_all", [False, True], ids=["lot", "session"])
@pytest.mark.parametrize(("happened", "refusal"), [*CASES, (made_it, DepositOfTheHouse)])
def test_no_deposit_where_it_is_of_no_use(
    room: Saleroom, lot: Bidding, happened: Any, refusal: type[Refusal], for_all: bool
) -> None:
    """After the end, whoever closed or did not; withdrawn; barred; the house: refused, nothing written."""
    happened(room, lot)
    before = rows()
    with pytest.raises(refusal):
        asked(room, alice(), None if for_all else lot)
    assert rows() == before


def test_no_deposit_for_what_one_did_not_pay_once(room: Saleroom) -> None:
    """Listed again, it is not for its defaulter, though the bar of time is over; for others it is."""
    old = room.lot(deposit=20_000)
    held(room, alice(), old)
    room.bid(old, alice(), 1000)
    again = room.lot(deposit=20_000, closes_in=60 * DAY)
    Lot.objects.filter(pk=again.pk).update(relisted_from=old.pk)
    passes(HOUR)
    passes(DAY + MOMENT)
    passes(40 * DAY)
    before = rows()
    with pytest.raises(DefaultedHere):
        asked(room, alice(), again)
    assert rows() == before
    assert asked(room, bob(), again).state == PENDING


@pytest.mark.parametrize("for_all", [False, True], ids=["lot", "session"])
@pytest.mark.parametrize(("happened", "refusal"), CASES)
def test_money_that_comes_too_late_goes_back_at_once(
    room: Saleroom, lot: Bidding, happened: Any, refusal: type[Refusal], for_all: bool
) -> None:
    """The cashier was open when it happened: no new one opens, and what is paid there returns by itself."""
    deposit = asked(room, alice(), None if for_all else lot)
    Deposit.objects.filter(pk=deposit.pk).update(pay_by=clock.now() + 2 * HOUR)
    attempt = opened(deposit)
    happened(room, lot)
    with pytest.raises(refusal):
        opened(deposit, "wap")
    assert told(attempt) == Outcome.RETURNED
    assert life(deposit) == Life(LAPSED)
    drain_all()
    assert story("deposit", "returning", "refunded") == [
        ("returning", deposit.amount // 100),
        ("refunded", deposit.amount // 100),
    ]
    assert_audit_holds()


def test_a_draft_takes_no_deposit(room: Saleroom) -> None:
    """A lot that was not published yet."""
    lot = room.lot(deposit=20_000, state=LotState.DRAFT)
    with pytest.raises(DepositClosed):
        asked(room, alice(), lot)


def test_another_persons_deposit_does_not_exist(room: Saleroom, lot: Bidding) -> None:
    """Neither the cashier nor the balance of somebody else pays it."""
    deposit = asked(room, alice(), lot)
    before = rows()
    with pytest.raises(NotYours):
        open_attempt("deposit", deposit.pk, user_id=bob().pk, way=Way(), addresses=NOWHERE)
    with pytest.raises(NotYours):
        pay_from_balance("deposit", deposit.pk, user_id=bob().pk)
    assert rows() == before


def test_no_cashier_for_what_is_paid_or_over(room: Saleroom, lot: Bidding) -> None:
    """Paid: bid. Too late: ask again."""
    paid, late = held(room, alice(), lot), asked(room, bob(), lot)
    clock.shift(django_settings.PAY_WINDOW + MOMENT)
    before = rows()
    for deposit, refusal in ((paid, DepositPaid), (late, DepositTimeIsUp)):
        with pytest.raises(refusal):
            opened(deposit)
    assert rows() == before


def test_it_lapses_and_can_be_asked_for_again(room: Saleroom, lot: Bidding) -> None:
    """After fifteen minutes the clock ends it; a new one is a new one."""
    first = asked(room, alice(), lot)
    passes(django_settings.PAY_WINDOW - MOMENT)
    assert life(first) == Life(PENDING)
    passes(2 * MOMENT)
    assert life(first) == Life(LAPSED)
    assert asked(room, alice(), lot) != first
    assert_audit_holds()


def test_with_no_clock_running_a_new_one_can_be_asked_for_all_the_same(
    room: Saleroom, lot: Bidding
) -> None:
    """Lateness changes nothing: what is over makes room."""
    first = asked(room, alice(), lot)
    clock.shift(django_settings.PAY_WINDOW + MOMENT)
    second = asked(room, alice(), lot)
    assert second != first
    assert (life(first), life(second)) == (Life(LAPSED), Life(PENDING))


def test_an_open_cashier_has_the_last_word(room: Saleroom, lot: Bidding, house: Any) -> None:
    """At its time the provider is asked; it was paid, only nobody told: the deposit is held."""
    deposit = asked(room, alice(), lot)
    attempt = opened(deposit)
    clock.shift(django_settings.PAY_WINDOW + MOMENT)
    assert drain("auctions.lapse").claimed == 0, "the provider is asked first"
    number = attempt.out_trade_no
    house.of[number] = Answer(number, Standing.PAID, 20_000, trade_no="t", paid_at=clock.now())
    drain_all()
    assert life(deposit) == Life(HELD, held=200)
    assert_audit_holds()


def test_a_cashier_that_was_left_is_closed_and_it_lapses(
    room: Saleroom, lot: Bidding, house: Any
) -> None:
    """At once, when the provider says that it waits and is closed."""
    deposit = asked(room, alice(), lot)
    attempt = opened(deposit)
    house.usual = lambda number: Answer(number, Standing.WAITING)
    passes(django_settings.PAY_WINDOW + MOMENT)
    assert Attempt.objects.get(pk=attempt.pk).state == State.CLOSED
    assert life(deposit) == Life(LAPSED)


def test_what_is_paid_after_it_lapsed_goes_back(room: Saleroom, lot: Bidding) -> None:
    """It was told closed, and money came all the same."""
    deposit = asked(room, alice(), lot)
    attempt = opened(deposit)
    told(attempt, Standing.CLOSED)
    passes(django_settings.PAY_WINDOW + MOMENT)
    assert told(attempt) == Outcome.RETURNED
    assert life(deposit) == Life(LAPSED)
    assert Refund.objects.get().why == Why.DEPOSIT
    assert_audit_holds()


def test_a_second_payment_goes_back(room: Saleroom, lot: Bidding) -> None:
    """Two cashiers, both paid: one is held, the other returns by the way it came."""
    deposit = asked(room, alice(), lot)
    page, wap = opened(deposit), opened(deposit, "wap")
    assert told(page) == Outcome.SETTLED
    assert told(wap) == Outcome.RETURNED
    refund = Refund.objects.get()
    assert (refund.why, refund.attempt_id) == (Why.SURPLUS, wap.pk)
    assert life(deposit) == Life(HELD, held=200)
    assert_audit_holds()


def test_the_lots_own_deposit_goes_before_the_sessions(room: Saleroom, lot: Bidding) -> None:
    """Both cover it: its own is used; the other lot has the session's; a free lot none."""
    other = room.lot(deposit=50_000)
    own, for_all = held(room, alice(), lot), held(room, alice())
    found = covering([Winner(one.pk, alice().pk, 1000) for one in (lot, other)])
    assert found == {lot.pk: Cover(own.pk, 0), other.pk: Cover(for_all.pk, 0)}
    assert covering([Winner(lot.pk, bob().pk, 1000)]) == {}


def test_what_counts_never_eats_what_earlier_lots_may_forfeit(house: object) -> None:
    """Shares 300, 900 and 400 of 1000: at most 300, 700 and nothing count, and never more than a price."""
    room = Saleroom(deposit=100_000, deposit_counts=True)
    lots = [room.lot(deposit=share) for share in (30_000, 90_000, 40_000)]
    held(room, alice())
    found = covering([Winner(one.pk, alice().pk, 80_000) for one in lots])
    assert [found[one.pk].counted for one in lots] == [30_000, 70_000, 0]
    found = covering([Winner(one.pk, alice().pk, 20_000) for one in lots])
    assert [found[one.pk].counted for one in lots] == [20_000, 20_000, 0]


def test_how_it_stands_is_told_in_one_word(room: Saleroom, lot: Bidding, monkeypatch: Any) -> None:
    """From the wish to the money's return, with what is under way; another person's does not exist."""
    deposit = asked(room, alice(), lot)
    words = [word(deposit)]
    attempt = opened(deposit)
    clock.shift(django_settings.PAY_WINDOW + MOMENT)
    words.append(word(deposit))
    told(attempt)
    words.append(word(deposit))
    monkeypatch.setattr(providers["alipay"], "refund", lambda refund: RefundAnswer(Fate.UNKNOWN))
    unknown = RefundAnswer(Fate.UNKNOWN)
    monkeypatch.setattr(providers["alipay"], "query_refund", lambda refund: unknown)
    passes(HOUR)
    under_way = standing(now_of(deposit), clock.now())
    assert (under_way.in_transit, under_way.arrived, under_way.is_moving) == (20_000, 0, True)
    words.append(under_way.word)
    monkeypatch.setattr(providers["alipay"], "refund", lambda refund: RefundAnswer(Fate.SENT))
    passes(HOUR)
    words.append(word(deposit))
    assert words == ["unpaid", "asking", "held", "returning", "returned"]
    assert standing(now_of(deposit), clock.now()).arrived == 20_000
    assert of(alice().pk, deposit.number) == deposit
    with pytest.raises(Deposit.DoesNotExist):
        of(bob().pk, deposit.number)


def word(deposit: Deposit) -> str:
    return standing(now_of(deposit), clock.now()).word
