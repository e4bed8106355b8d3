"""Deposits meet payments, the clock and each other: one at a time, held once, decided once, never for ever.

Each meeting is arranged with a named breakpoint; the same meeting with the guard taken away must break
something, or the test proves nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from psycopg.conninfo import make_conninfo

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import deciding_deposits, deposit_purpose, paying, waking
from shigu.auctions import locks as auction_locks
from shigu.auctions.models import AwardState, Bidding, Deposit, DepositState, Lot
from shigu.auctions.withdrawing import withdraw_lot
from shigu.clock.drain import drain, drain_all
from shigu.kit import breakpoints
from shigu.payments import booking
from shigu.payments import locks as payment_locks
from shigu.payments.models import Attempt, Outcome, Refund
from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing, providers
from shigu.payments.settling import Hearing
from tests.auctions.desk import (
    Life,
    arranged,
    asked,
    assert_audit_holds,
    held,
    life,
    opened,
    passes,
    pays,
    said,
    story,
    told,
    won,
)
from tests.auctions.saleroom import HOUR, Saleroom
from tests.races.together import decided_together, settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import loose_claims, unlocked_attempts

DAY = timedelta(days=1, seconds=1)
PENDING, HELD = DepositState.PENDING, DepositState.HELD
DECIDED, LAPSED = DepositState.DECIDED, DepositState.LAPSED


@pytest.fixture
def room(clone: str, keys: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Saleroom:
    """A live session that asks for ¥1 000; Alipay sends back at once and knows of nothing else."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
    alipay, sent = providers["alipay"], RefundAnswer(Fate.SENT)
    monkeypatch.setattr(alipay, "refund", lambda refund: sent)
    monkeypatch.setattr(alipay, "query", lambda number: Answer(number, Standing.UNKNOWN))
    return Saleroom(deposit=100_000)


@pytest.fixture
def alice(room: Saleroom) -> User:
    return User.objects.create(username="alice", email="alice@shigu.test")


def unlocked(ids: Collection[int]) -> list[Deposit]:
    """What `locked_deposits` would be without its lock."""
    return list(Deposit.objects.filter(pk__in=ids).order_by("pk"))


@contextmanager
def meeting(name: str, count: int) -> Iterator[None]:
    """Everyone who reaches `name` waits there for the others."""
    gate = threading.Barrier(count)

    def wait() -> None:
        try:
            gate.wait(3)
        except threading.BrokenBarrierError:
            return

    with breakpoints.at(name, wait):
        yield


# -- twenty clicks, one deposit --------------------------------------------------------------------


def twenty_ask(room: Saleroom, alice: User) -> None:
    """Twenty tabs, each with a key of its own, all past their look before the first one writes."""
    room.lot(deposit=20_000)
    with meeting("auctions.deposit.asking", 20):
        found = together(*[lambda: asked(room, alice) for _ in range(20)])
    assert not [one for one in found if isinstance(one, Exception)], found
    live = Deposit.objects.filter(state__in=[PENDING, HELD])
    assert live.count() == 1
    assert {one.pk for one in found} == {live.get().pk}


def test_twenty_clicks_make_one_deposit(room: Saleroom, alice: User) -> None:
    """All twenty are given the one that there is."""
    twenty_ask(room, alice)


def test_control_without_the_constraint_they_make_more(room: Saleroom, alice: User) -> None:
    """Negative control: only the database knows of the other tabs."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX deposit_one_per_session")
    with pytest.raises(AssertionError, match=r"where \d+ = count"):
        twenty_ask(room, alice)


# -- two payments of one deposit -------------------------------------------------------------------


def two_cashiers(room: Saleroom, alice: User) -> tuple[Deposit, Attempt, Attempt]:
    """Alice may pay her deposit here and there."""
    deposit = asked(room, alice, room.lot(deposit=20_000))
    return deposit, opened(deposit), opened(deposit, "wap")


def paid_twice(deposit: Deposit, page: Attempt, wap: Attempt) -> None:
    """Both cashiers, told at once."""
    with stopped_at("payments.settle.committing") as stop:
        one = start(lambda: told(page))
        stop.wait()
        two = start(lambda: told(wap))
        settled_or_blocked(two)
        stop.release()
        results = one.result(), two.result()
    assert results == (Outcome.SETTLED, Outcome.RETURNED)
    assert life(deposit) == Life(HELD, held=200)
    assert_audit_holds()


def test_the_second_payment_goes_back(room: Saleroom, alice: User) -> None:
    """It finds the deposit held."""
    paid_twice(*two_cashiers(room, alice))


def test_control_without_the_locks_both_are_held(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both read "to be paid", with the lock of the deposit's account gone as well."""
    deposit, page, wap = two_cashiers(room, alice)
    with transaction.atomic():
        booking.lock([page])  # the account is there: nothing is missing but its lock
    monkeypatch.setattr(deposit_purpose, "locked_deposits", unlocked)
    monkeypatch.setattr(booking, "lock", lambda attempts: {})
    monkeypatch.setattr(payment_locks, "attempts_of_locked", unlocked_attempts)
    with pytest.raises(AssertionError, match=r"SETTLED != Outcome\.RETURNED"):
        paid_twice(deposit, page, wap)


# -- paying meets lapsing --------------------------------------------------------------------------


def pay_while_lapsing(room: Saleroom, alice: User) -> None:
    """The clock has it in its hand when Alipay tells."""
    deposit, attempt = overdue(room, alice)
    with stopped_at("auctions.lapse.claimed") as stop:
        lapsing = start(lambda: drain("auctions.lapse"))
        stop.wait()
        telling = start(lambda: told(attempt))
        settled_or_blocked(telling)
        stop.release()
        lapsing.result()
        assert telling.result() == Outcome.RETURNED
    assert life(deposit) == Life(LAPSED)
    assert_audit_holds()


def overdue(room: Saleroom, alice: User) -> tuple[Deposit, Attempt]:
    """Its cashier is open, and all its time is over."""
    deposit = asked(room, alice, room.lot(deposit=20_000))
    attempt = opened(deposit)
    Deposit.objects.filter(pk=deposit.pk).update(due_at=clock.now() - timedelta(seconds=1))
    return deposit, attempt


def test_what_is_lapsing_takes_no_money(room: Saleroom, alice: User) -> None:
    """The payment waits, finds it lapsed, and goes back."""
    pay_while_lapsing(room, alice)


def test_control_without_the_lock_it_takes_it(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: money is held for a deposit that lapsed."""
    monkeypatch.setattr(deposit_purpose, "locked_deposits", unlocked)
    with pytest.raises(AssertionError, match=r"SETTLED == Outcome\.RETURNED"):
        pay_while_lapsing(room, alice)


def lapse_while_paying(room: Saleroom, alice: User) -> None:
    """The payment holds it when the clock comes."""
    deposit, attempt = overdue(room, alice)
    with stopped_at("payments.settle.committing") as stop:
        telling = start(lambda: told(attempt))
        stop.wait()
        lapsing = start(lambda: drain("auctions.lapse"))
        settled_or_blocked(lapsing, 3)
        stop.release()
        assert telling.result() == Outcome.SETTLED
        assert lapsing.result().claimed == 0
    assert life(deposit) == Life(HELD, held=200)
    assert_audit_holds()


def test_the_clock_passes_by_what_is_being_paid(room: Saleroom, alice: User) -> None:
    """It leaves what somebody has in hand."""
    lapse_while_paying(room, alice)


def test_control_a_claim_without_its_lock_takes_it(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: it has the deposit in hand that is being paid."""
    loose_claims(monkeypatch)
    with pytest.raises(AssertionError, match="claimed=1"):
        lapse_while_paying(room, alice)


# -- paying meets closing --------------------------------------------------------------------------


def close_while_paying(room: Saleroom, alice: User) -> None:
    """A deposit is paid in the very moment in which its lot closes; the session goes on."""
    lot = room.lot(deposit=20_000)
    room.lot(deposit=20_000, closes_in=5 * HOUR)
    deposit = asked(room, alice, lot)
    attempt = opened(deposit)
    with stopped_at("payments.settle.committing") as stop:
        telling = start(lambda: told(attempt))
        stop.wait()
        clock.shift(HOUR)
        closing = start(lambda: drain("auctions.close"))
        settled_or_blocked(closing, 3)
        stop.release()
        assert telling.result() == Outcome.SETTLED
        assert closing.result().claimed == 1
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=200)
    assert_audit_holds()


def test_what_is_paid_as_its_lot_closes_comes_back(room: Saleroom, alice: User) -> None:
    """Closing waits for the payment, and wakes what it left behind."""
    close_while_paying(room, alice)


def test_control_waking_only_what_is_held_misses_it(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: seen as "to be paid" it is not waited for, and is held for ever."""
    blind = waking.OF_LOTS.replace("state IN (0, 1)", "state = 1")
    assert blind != waking.OF_LOTS
    monkeypatch.setattr(waking, "OF_LOTS", blind)
    with pytest.raises(AssertionError, match=r"HELD != DepositState\.DECIDED"):
        close_while_paying(room, alice)


def test_what_is_told_while_its_lot_closes_comes_back(room: Saleroom, alice: User) -> None:
    """The lot is closed, not yet committed: the payment waits and finds it closed."""
    lot = room.lot(deposit=20_000)
    deposit = asked(room, alice, lot)
    attempt = opened(deposit)
    with stopped_at("auctions.close.done") as stop:
        clock.shift(HOUR)
        closing = start(lambda: drain("auctions.close"))
        stop.wait()
        telling = start(lambda: told(attempt))
        settled_or_blocked(telling)
        stop.release()
        closing.result()
        assert telling.result() == Outcome.RETURNED
    drain_all()
    assert life(deposit) == Life(LAPSED)
    assert_audit_holds()


# -- a lot and a deposit paid in one transaction ----------------------------------------------------


def settled_as_another_is_withdrawn(room: Saleroom, alice: User) -> None:
    """Two notices that nobody settled: for a lot that is won, and for a deposit whose lot is withdrawn now."""
    first, second = room.lot(deposit=20_000), room.lot(deposit=20_000, closes_in=5 * HOUR)
    held(room, alice, first)
    room.bid(first, alice, 1000)
    passes(HOUR)
    [bob] = room.bidders(1)
    deposit = asked(room, bob, second)
    paid = [Hearing("alipay", said(one)) for one in (opened(deposit), arranged(won(first)))]
    with stopped_at("payments.locks.purpose") as stop:
        settling = start(lambda: decided_together(paid))
        stop.wait()
        withdrawing = start(lambda: withdraw_lot(second.pk, why="It was broken"))
        settled_or_blocked(withdrawing)
        stop.release()
        answers = settling.result(), withdrawing.result()
    assert answers[0] == [Outcome.SETTLED, Outcome.SETTLED], answers
    assert isinstance(answers[1], Lot), answers
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=200)
    assert won(first).state == AwardState.PAID
    assert_audit_holds()


def test_orders_of_lots_are_locked_before_deposits(room: Saleroom, alice: User) -> None:
    """The operator waits for the session, and has nothing that the payments want."""
    settled_as_another_is_withdrawn(room, alice)


def test_control_deposits_first_wait_in_a_circle(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: by their names deposits are locked before the session that the operator holds."""
    monkeypatch.setattr(payment_locks, "KINDS", sorted(payment_locks.KINDS))
    with pytest.raises(AssertionError, match="deadlock detected"):
        settled_as_another_is_withdrawn(room, alice)


# -- two lots of one session deposit, decided at once ----------------------------------------------


def two_won(room: Saleroom, alice: User) -> tuple[Deposit, Bidding, Bidding]:
    """Alice has won two lots with one deposit, and the session is over."""
    first, second = room.lot(deposit=30_000), room.lot(deposit=50_000)
    deposit = held(room, alice)
    for lot in (first, second):
        room.bid(lot, alice, 1000)
    passes(HOUR)
    return deposit, first, second


def both_paid_at_once(room: Saleroom, alice: User) -> None:
    """The first payment has said so and not committed when the second comes."""
    deposit, first, second = two_won(room, alice)
    with stopped_at("auctions.award.paid") as stop:
        one = start(lambda: pays(won(first)))
        stop.wait()
        two = start(lambda: pays(won(second)))
        settled_or_blocked(two)
        stop.release()
        assert (one.result(), two.result()) == (Outcome.SETTLED, Outcome.SETTLED)
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert Refund.objects.count() == 1
    assert_audit_holds()


def test_two_lots_paid_at_once_give_it_back(room: Saleroom, alice: User) -> None:
    """Whoever is second sees the first, or wakes it again."""
    both_paid_at_once(room, alice)


NAIVE = """
UPDATE auctions_deposit d SET decide_at = %(now)s
 WHERE id IN (SELECT deposit_id FROM auctions_award WHERE id = ANY(%(ids)s::bigint[])) AND d.state = 1
   AND NOT EXISTS (SELECT FROM auctions_award a WHERE a.deposit_id = d.id AND a.state = 0)
"""


def test_control_deciding_in_the_statement_that_changes_keeps_it_for_ever(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control, the trap of two at once: each sees the other still to be paid, nobody looks again."""
    monkeypatch.setattr(waking, "OF_AWARDS", NAIVE)
    monkeypatch.setattr(auction_locks, "locked_sessions", lambda ids: [])
    monkeypatch.setattr(auction_locks, "locked_deposits", unlocked)
    monkeypatch.setattr(paying, "PAID_TOTALS", "SELECT %s::int, %s::bigint[]")
    with pytest.raises(AssertionError, match=r"HELD != DepositState\.DECIDED"):
        both_paid_at_once(room, alice)
    assert set(Deposit.objects.values_list("state", flat=True)) == {HELD}


def paid_while_deciding(room: Saleroom, alice: User) -> None:
    """The clock has read "one lot is to be paid" and not written when that lot is paid."""
    deposit, first, second = two_won(room, alice)
    pays(won(first))
    with stopped_at("auctions.deposits.decided") as stop:
        deciding = start(lambda: drain("auctions.decide_deposits"))
        stop.wait()
        two = start(lambda: pays(won(second)))
        settled_or_blocked(two)
        stop.release()
        deciding.result()
        assert two.result() == Outcome.SETTLED
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert_audit_holds()


def test_an_award_decided_under_the_clocks_hand_wakes_it_again(room: Saleroom, alice: User) -> None:
    """The payment waits for the deposit and says "look" after the clock has looked."""
    paid_while_deciding(room, alice)


def test_control_waking_that_does_not_wait_is_not_heard(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: what the clock has in hand is passed by, and held for ever."""
    hasty = waking.OF_AWARDS.replace("FOR NO KEY UPDATE", "FOR NO KEY UPDATE SKIP LOCKED")
    monkeypatch.setattr(waking, "OF_AWARDS", hasty)
    monkeypatch.setattr(auction_locks, "locked_deposits", unlocked)
    with pytest.raises(AssertionError, match=r"HELD != DepositState\.DECIDED"):
        paid_while_deciding(room, alice)


# -- forfeits in the wrong order -------------------------------------------------------------------


def later_ones_overdue_first(room: Saleroom, alice: User) -> None:
    """Shares 300, 500, 400. The first lot's provider is silent at its deadline; the others are overdue."""
    lots = [room.lot(deposit=share) for share in (30_000, 50_000, 40_000)]
    deposit = held(room, alice)
    for lot in lots:
        room.bid(lot, alice, 1000)
    passes(HOUR)
    asking = asked_at_alipay(lots[0])
    passes(DAY)
    states = [won(lot).state for lot in lots]
    assert states == [AwardState.PENDING, AwardState.OVERDUE, AwardState.OVERDUE]
    assert life(deposit) == Life(HELD, held=1000)
    told(asking, Standing.CLOSED)
    drain_all()
    assert [won(lot).forfeited for lot in lots] == [30_000, 50_000, 20_000]
    assert life(deposit) == Life(DECIDED, forfeited=1000)
    assert_audit_holds()


def asked_at_alipay(lot: Bidding) -> Attempt:
    """The winner's cashier is open."""
    from shigu.orders.models import Order
    from tests.auctions.desk import _opened

    award = won(lot)
    Order.objects.filter(pk=award.order_id).update(sent_to="Alice, 1 Drum Street")
    return _opened("order", award.order_id, award.user_id)


def test_a_later_lot_waits_for_an_earlier_one(room: Saleroom, alice: User) -> None:
    """300, 500, 200 however the provider dallies."""
    later_ones_overdue_first(room, alice)


def test_control_each_by_itself_takes_500_then_400(
    room: Saleroom, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the earlier lot would find ¥100."""
    real = deciding_deposits.decision

    def hasty(deposit: Any, awards: Any) -> Any:
        return real(deposit, [one for one in awards if one.state != AwardState.PENDING])

    monkeypatch.setattr(deciding_deposits, "decision", hasty)
    with pytest.raises(AssertionError, match=r"DECIDED != DepositState\.HELD"):
        later_ones_overdue_first(room, alice)


# -- whoever decides is killed ---------------------------------------------------------------------

DIE = """
import os, sys
import django; django.setup()
from shigu.kit import breakpoints
from shigu.clock.drain import drain
with breakpoints.at(sys.argv[1], lambda: os._exit(9)):
    drain("auctions.decide_deposits")
"""


def dies_at(place: str) -> None:
    """Another process decides what is due and is gone at this place."""
    entry = connections.settings["default"]
    parts = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    url = make_conninfo(**{name: entry[key] for name, key in parts.items() if entry[key]})
    said = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "shigu.settings"}
    said["ALIPAY_SIMULATOR_DIR"] = django_settings.ALIPAY_SIMULATOR_DIR
    here = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", DIE, place]
    died = subprocess.run(command, env=os.environ | said, cwd=here, timeout=120, check=False)
    assert died.returncode == 9


PLACES = [
    "auctions.deposits.claimed",
    "auctions.deposits.decided",
    "auctions.deposits.forfeited",
    "auctions.deposits.refunding",
    "clock.ring.done",
]


def test_whoever_dies_while_deciding_it_is_decided_once(room: Saleroom, alice: User) -> None:
    """Killed at every step between the claim and the commit: nothing of it happened, then all of it, once."""
    deposit, first, second = two_won(room, alice)
    pays(won(second))
    clock.shift(DAY)
    drain("orders.expire")
    assert won(first).state == AwardState.OVERDUE
    for place in PLACES:
        dies_at(place)
        assert life(deposit) == Life(HELD, held=1000), place
        assert not Refund.objects.exists(), place
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=700, forfeited=300)
    assert story("forfeit", "refund", "refunded") == [
        ("forfeit", 300),
        ("refund", 700),
        ("refunded", 700),
    ]
    assert_audit_holds()


def test_two_who_decide_at_once_decide_once(room: Saleroom, alice: User) -> None:
    """The second one passes by what the first has in hand."""
    deposit, first, second = two_won(room, alice)
    for lot in (first, second):
        pays(won(lot))
    with stopped_at("auctions.deposits.refunding") as stop:
        one = start(lambda: drain("auctions.decide_deposits"))
        stop.wait()
        two = start(lambda: drain("auctions.decide_deposits"))
        settled_or_blocked(two, 3)
        stop.release()
        assert (one.result().claimed, two.result().claimed) == (1, 0)
    drain_all()
    assert life(deposit) == Life(DECIDED, returned=1000)
    assert Refund.objects.count() == 1
    assert_audit_holds()
