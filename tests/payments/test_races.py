"""What happens when several of them come at once, or one dies half-way: each with its guard removed too."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from shigu import clock
from shigu.clock.drain import drain
from shigu.kit import breakpoints
from shigu.orders.cancelling import cancel
from shigu.orders.handlers import OrderPurpose
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments import asking, cancelling, locks, notices, polling, settling
from shigu.payments.models import Attempt, Money, Notice, Outcome, Refund, State
from shigu.payments.provider import Standing
from tests.auditing import assert_audit_holds
from tests.payments.shopfront import (
    Shop,
    notify_fields,
    now_of,
    private_key,
    signed_notify,
)
from tests.races.together import PATIENCE, settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import unlocked_attempts

ROUNDS = 300 if os.environ.get("SHIGU_DEEP") else 30


def notify(shop: Shop, attempt: Attempt, **changes: str) -> bytes:
    """A genuine notify that `attempt` was paid."""
    assert shop.gate.data is not None
    key = private_key((shop.gate.data / "alipay_private.pem").read_bytes())
    return signed_notify(key, **notify_fields(attempt, shop.gate.app, **changes))


def assert_settled_once(attempt: Attempt) -> None:
    """One decision, the order paid by it, nothing on its way back, every invariant holds."""
    row = now_of(attempt)
    assert (row.state, row.money, row.refunding) == (State.PAID, Money.APPLIED, 0)
    assert OrderEvent.objects.filter(order=attempt.subject_id, status=Status.PAID).count() == 1
    assert not Refund.objects.exists()
    assert_audit_holds()


# -- duplicates ------------------------------------------------------------------------------


def twenty_at_once(shop: Shop) -> None:
    """Half of them the same notice, half with numbers of their own, all about one payment."""
    attempt = shop.open(shop.order()).attempt
    numbers = ["same"] * 10 + [f"own-{n}" for n in range(10)]
    bodies = [notify(shop, attempt, notify_id=number) for number in numbers]
    answers = together(*[lambda body=body: notices.hear("alipay", body) for body in bodies])
    assert answers == [True] * 20
    outcomes = sorted(Notice.objects.values_list("outcome", flat=True))
    assert outcomes == sorted([Outcome.SETTLED] + [Outcome.REPEATED] * 10)
    assert_settled_once(attempt)


def test_twenty_notifies_at_once(shop: Shop) -> None:
    """Twenty notifies of one payment at the same moment settle it once; all are answered success."""
    twenty_at_once(shop)


def test_twenty_notifies_without_the_guard(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without "decided is decided" the same twenty send money back that was wanted."""
    monkeypatch.setattr(settling, "is_decided", lambda attempt: False)
    monkeypatch.setattr(settling, "_compare_and_set", Attempt.save)
    with pytest.raises(AssertionError, match="transfer_once"):
        twenty_at_once(shop)


def test_compare_and_set_stands_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the first look failed, writing a second decision undoes its whole transaction."""
    attempt = shop.open(shop.order()).attempt
    assert notices.hear("alipay", notify(shop, attempt))
    monkeypatch.setattr(settling, "is_decided", lambda attempt: False)
    with pytest.raises(settling.DecidedTwice):
        notices.hear("alipay", notify(shop, attempt, notify_id="again"))
    assert_settled_once(attempt)


# -- two attempts of one order ---------------------------------------------------------------


def two_cashiers_paid(shop: Shop) -> tuple[Attempt, Attempt]:
    """Alice pays on her desk and on her phone; the first is held before its commit."""
    order = shop.order()
    page, wap = shop.open(order).attempt, shop.open(order, "wap").attempt

    def hear(attempt: Attempt) -> bool:
        return notices.hear("alipay", notify(shop, attempt))

    with stopped_at("payments.settle.committing") as stop:
        first = start(lambda: hear(page))
        stop.wait()
        second = start(lambda: hear(wap))
        settled_or_blocked(second)
        stop.release()
        answers = [first.result(), second.result()]
    assert answers == [True, True]
    return page, wap


def test_two_cashiers_paid_at_once(shop: Shop) -> None:
    """One order, two payments: one applies, the other goes back, stock moves once."""
    assert_one_goes_back(*two_cashiers_paid(shop))


def assert_one_goes_back(page: Attempt, wap: Attempt) -> None:
    assert {now_of(page).money, now_of(wap).money} == {Money.APPLIED, Money.RETURNING}
    refund = Refund.objects.get()
    assert (refund.amount, refund.why) == (page.amount, "surplus")
    assert_audit_holds()


def test_two_cashiers_without_the_lock(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the locks both apply, or one of them falls over the order's own rows."""
    monkeypatch.setattr(OrderPurpose, "lock", lambda self, ids: None)
    monkeypatch.setattr(locks, "attempts_of_locked", unlocked_attempts)
    with pytest.raises(AssertionError, match="orders_shipment"):
        assert_one_goes_back(*two_cashiers_paid(shop))


def test_a_second_cashier_is_closed_when_the_first_is_paid(shop: Shop) -> None:
    """What still could be paid for a paid order is asked for and closed at once."""
    order = shop.order()
    page, wap = shop.cashier(order), shop.cashier(order, "wap")
    shop.gate.scan(wap.out_trade_no)
    assert notices.hear("alipay", notify(shop, page))
    drain(asking.ask)
    assert now_of(wap).state == State.CLOSED
    assert shop.gate.trade(wap.out_trade_no)["status"] == "TRADE_CLOSED"  # type: ignore[index]
    assert_settled_once(page)


# -- opening ---------------------------------------------------------------------------------


def opened_twice(shop: Shop) -> None:
    order = shop.order()
    opened = together(*[lambda: shop.open(order).attempt.pk for _ in range(6)])
    assert len(set(opened)) == 1, opened
    assert Attempt.objects.count() == 1


def test_double_click_opens_one_cashier(shop: Shop) -> None:
    """Six clicks at once open one attempt."""
    opened_twice(shop)


def test_double_click_without_the_lock(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the subject's lock they fall over one another."""
    monkeypatch.setattr(OrderPurpose, "lock", lambda self, ids: None)
    gate = threading.Barrier(6)
    payable = OrderPurpose.payable

    def slow(self: OrderPurpose, subject_id: int, *, now: Any) -> Any:
        gate.wait(PATIENCE)
        return payable(self, subject_id, now=now)

    monkeypatch.setattr(OrderPurpose, "payable", slow)
    with pytest.raises(AssertionError, match="out_trade_no"):
        opened_twice(shop)


# -- a process dies --------------------------------------------------------------------------

DIE = """
import os, sys
import django; django.setup()
from shigu.kit import breakpoints
from shigu.payments import notices
with breakpoints.at(sys.argv[1], lambda: os._exit(9)):
    notices.hear("alipay", sys.stdin.buffer.read())
"""


def dies_at(place: str, body: bytes) -> None:
    """Another process hears the notify and is gone at this place."""
    entry = connections.settings["default"]
    url = f"postgresql://{entry['USER']}@/{entry['NAME']}?host={entry['HOST']}"
    from django.conf import settings

    told = {
        "DATABASE_URL": url,
        "ALIPAY_SIMULATOR_DIR": settings.ALIPAY_SIMULATOR_DIR,
        "DJANGO_SETTINGS_MODULE": "shigu.settings",
    }
    here = Path(__file__).resolve().parents[2]
    died = subprocess.run(
        [sys.executable, "-c", DIE, place], input=body, env=os.environ | told, cwd=here, timeout=60
    )
    assert died.returncode == 9


def dead_after_recording(shop: Shop, *, really: bool = False) -> tuple[Attempt, bytes]:
    """The notice is recorded and nothing more: its process is killed, or its thread gives up there."""
    attempt = shop.open(shop.order()).attempt
    body = notify(shop, attempt)
    if really:
        dies_at("payments.notice.recorded", body)
    else:
        with breakpoints.at("payments.notice.recorded", _die), pytest.raises(ZeroDivisionError):
            notices.hear("alipay", body)
    assert Notice.objects.get().handled_at is None
    assert now_of(attempt).state == State.OPEN
    return attempt, body


def test_dead_between_recording_and_settling(shop: Shop) -> None:
    """A notice whose process died is no duplicate: the provider's next try settles it."""
    attempt, body = dead_after_recording(shop, really=True)
    assert notices.hear("alipay", body)
    assert_settled_once(attempt)


def test_dead_between_without_the_guard(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """If recorded already meant heard, the money would never settle."""
    attempt, body = dead_after_recording(shop)
    monkeypatch.setattr(notices, "is_duplicate", lambda notice: True)
    notices.hear("alipay", body)
    with pytest.raises(AssertionError, match="'open'"):
        assert_settled_once(attempt)


def test_dead_and_never_told_again(shop: Shop) -> None:
    """Nobody tells it again: the clock picks up the notice that nobody handled."""
    attempt, _ = dead_after_recording(shop)
    assert drain(notices.handle).claimed == 0
    with clock.shifted(timedelta(seconds=11)):
        assert drain(notices.handle).claimed == 1
    assert Notice.objects.get().outcome == Outcome.SETTLED
    assert_settled_once(attempt)


def test_dead_before_the_commit(shop: Shop) -> None:
    """Dying with everything decided and nothing committed leaves nothing; the next try settles."""
    attempt = shop.open(shop.order()).attempt
    body = notify(shop, attempt)
    dies_at("payments.settle.committing", body)
    assert now_of(attempt).state == State.OPEN
    assert Order.objects.get(pk=attempt.subject_id).status == Status.UNPAID
    assert notices.hear("alipay", body)
    assert_settled_once(attempt)


def test_many_unhandled_notices_in_one_batch(shop: Shop) -> None:
    """Two notices of one payment and one of another, all unhandled: one batch, each decided once."""
    first, second = (shop.open(shop.order()).attempt for _ in range(2))
    told = [notify(shop, first), notify(shop, first, notify_id="b"), notify(shop, second)]
    with breakpoints.at("payments.notice.recorded", _die):
        for body in told:
            with pytest.raises(ZeroDivisionError):
                notices.hear("alipay", body)
    with clock.shifted(timedelta(seconds=11)):
        assert drain(notices.handle).claimed == 3
    outcomes = sorted(Notice.objects.values_list("outcome", flat=True))
    assert outcomes == ["repeated", "settled", "settled"]
    assert_settled_once(first)
    assert_settled_once(second)


def _die() -> None:
    raise ZeroDivisionError


# -- asking ----------------------------------------------------------------------------------


@contextmanager
def paid_during(shop: Shop, attempt: Attempt, place: str, *, told: bool) -> Any:
    """Alice pays while the clock asks, at this place; the shop is told of it at once, or never."""
    done: list[str] = []

    def pay() -> None:
        if not done:
            done.append(place)
            shop.pay(attempt)
            if told:
                shop.told(attempt)

    if not told:
        shop.gate.fault("notify_lost")
    with breakpoints.at(place, pay):
        yield
    assert done


def asked_while_paying(shop: Shop, place: str, *, told: bool) -> Attempt:
    attempt = shop.attempt()
    shop.gate.scan(attempt.out_trade_no)
    over = timedelta(minutes=14, seconds=58)
    with shop.later(over), paid_during(shop, attempt, place, told=told):
        Attempt.objects.filter(pk=attempt.pk).update(ask_at=clock.now(), unwanted_at=clock.now())
        shop.ring()
    return attempt


@pytest.mark.parametrize("told", [True, False])
def test_paid_between_question_and_close(shop: Shop, told: bool) -> None:
    """Paid after the question, before the close: settled once, told of it or not."""
    assert_settled_once(asked_while_paying(shop, "payments.ask.queried", told=told))


def test_paid_between_without_asking_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a failed close counted as closed, the order would lapse over money that came."""

    def believes(provider: Any, answer: Any) -> Any:
        from dataclasses import replace

        provider.close(answer.out_trade_no)
        return replace(answer, standing=Standing.CLOSED)

    monkeypatch.setattr(asking, "_closed", believes)
    attempt = asked_while_paying(shop, "payments.ask.queried", told=False)
    with pytest.raises(AssertionError, match="'closed'"):
        assert_settled_once(attempt)


def test_cancelled_during_the_question(shop: Shop) -> None:
    """An operator's look under way does not put off the close that a cancel wants at once."""
    assert cancelled_while_looking(shop) is True


def cancelled_while_looking(shop: Shop) -> bool:
    attempt = shop.attempt()
    shop.gate.scan(attempt.out_trade_no)
    asking.look([attempt.pk])
    done: list[int] = []

    def change_mind() -> None:
        if not done:
            done.append(1)
            together(lambda: cancel(attempt.subject_id, by=shop.alice.pk))

    # The look's answer is worked out before the cancel and written after it.
    wait = asking._wait

    def slow(row: Attempt, heard: Any) -> Any:
        found = wait(row, heard)
        change_mind()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "_wait", slow)
        drain(asking.ask)
    drain(asking.ask)
    return bool(now_of(attempt).state == State.CLOSED)


def test_cancelled_during_without_the_guard(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without counting the claim, the look's answer puts the close off."""

    def quietly(attempts: list[Attempt], *, now: Any) -> int:
        rows = Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts])
        return rows.update(unwanted_at=now, ask_at=now)

    monkeypatch.setattr(cancelling, "unwant", quietly)
    assert cancelled_while_looking(shop) is False


# -- everything at once ----------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_every_way_at_once(shop: Shop, turn: int) -> None:
    """Notify, its resend, a page's poll and the clock's question at once settle one payment once."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    asking.look([attempt.pk])
    acts: list[Callable[[], Any]] = [
        lambda: notices.hear("alipay", notify(shop, attempt)),
        lambda: notices.hear("alipay", notify(shop, attempt)),
        lambda: notices.hear("alipay", notify(shop, attempt, notify_id="other")),
        lambda: polling.poll("order", attempt.subject_id),
        lambda: drain(asking.ask),
    ]
    results = together(*acts[turn % 5 :], *acts[: turn % 5])
    assert not [result for result in results if isinstance(result, BaseException)]
    assert_settled_once(attempt)
