"""The clock's question: when it is final, when it is asked again, and the page's own poll."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shigu import clock
from shigu.clock.drain import drain
from shigu.clock.kinds import find
from shigu.clock.plans import assert_claims_use_index
from shigu.orders.models import Order, Status
from shigu.payments import asking, notices, polling, refunding
from shigu.payments.models import Attempt, Money, State
from shigu.payments.provider import Answer, Standing, providers
from tests.auditing import assert_audit_holds
from tests.payments.shopfront import Shop, now_of

PAY = timedelta(minutes=15)


def calls(shop: Shop, attempt: Attempt) -> list[str]:
    """Server calls to Alipay about it, oldest first, without the page itself."""
    told = [
        call["method"].removeprefix("alipay.trade.")
        for call in shop.gate.calls(attempt.out_trade_no)
    ]
    return [method for method in reversed(told) if not method.endswith(".pay")]


def test_nobody_is_asked_before_the_time(shop: Shop) -> None:
    """An open cashier is left alone while its buyer may still pay."""
    attempt = shop.attempt()
    shop.ring()
    assert calls(shop, attempt) == []


def test_an_operators_look_closes_nothing(shop: Shop) -> None:
    """Asked before its time, a waiting trade stays open and is asked for again at its end."""
    attempt = shop.attempt()
    shop.gate.scan(attempt.out_trade_no)
    assert asking.look([attempt.pk]) == 1
    shop.ring()
    row = now_of(attempt)
    assert calls(shop, attempt) == ["query"]
    assert (row.state, row.last_answer) == (State.OPEN, "WAIT_BUYER_PAY")
    assert abs(row.ask_at - row.expires_at) < timedelta(seconds=5)


def test_look_does_not_touch_what_ended(shop: Shop) -> None:
    """Only open attempts are asked for."""
    attempt = shop.attempt()
    Attempt.objects.update(state=State.CLOSED)
    before = now_of(attempt).ask_at
    assert asking.look([attempt.pk]) == 0
    assert now_of(attempt).ask_at == before


def test_a_stale_answer_is_dropped(shop: Shop) -> None:
    """An answer to an earlier claim writes nothing."""
    attempt = shop.open(shop.order()).attempt
    closed = asking.Heard(Answer(attempt.out_trade_no, Standing.CLOSED), clock.now())
    with pytest.raises(clock.StaleClaim):
        asking.heard(attempt.pk, closed, tries=attempt.asks + 1)
    assert now_of(attempt).state == State.OPEN


def test_given_back_outside(shop: Shop) -> None:
    """Paid and refunded at Alipay without the shop ever hearing: closed, and the order is free to lapse."""
    attempt = shop.open(shop.order()).attempt
    gone = asking.Heard(Answer(attempt.out_trade_no, Standing.GIVEN_BACK, said="x"), clock.now())
    asking.heard(attempt.pk, gone, tries=0)
    row = now_of(attempt)
    assert (row.state, row.money) == (State.CLOSED, Money.NONE)
    assert Order.objects.get().status == Status.UNPAID


def test_money_that_does_not_fit(shop: Shop) -> None:
    """A wrong amount heard by asking applies nothing and is asked for again in an hour, not at once."""
    attempt = shop.open(shop.order()).attempt
    wrong = Answer(attempt.out_trade_no, Standing.PAID, amount=1, said="TRADE_SUCCESS")
    with pytest.raises(clock.Again) as again:
        asking.heard(attempt.pk, asking.Heard(wrong, clock.now()), tries=0)
    assert again.value.after == timedelta(hours=1)
    row = now_of(attempt)
    assert (row.state, row.money, row.last_answer) == (State.OPEN, Money.NONE, "TRADE_SUCCESS")


@pytest.mark.parametrize(("after", "final"), [(0, False), (29, False), (30, True), (90, True)])
def test_no_such_trade_is_final_after_the_margin(shop: Shop, after: int, final: bool) -> None:
    """Alipay would still let somebody in until its own clock says no."""
    attempt = shop.open(shop.order()).attempt
    none = Answer(attempt.out_trade_no, Standing.NOT_CREATED)
    told = asking.Heard(none, attempt.expires_at + timedelta(seconds=after))
    if final:
        asking.heard(attempt.pk, told, tries=0)
    else:
        with pytest.raises(clock.Again) as again:
            asking.heard(attempt.pk, told, tries=0)
        assert again.value.after == timedelta(seconds=30 - after)
    assert (now_of(attempt).state == State.CLOSED) is final


def test_silence_is_asked_again_ever_more_rarely(shop: Shop) -> None:
    """Unreachable: the backoff grows, nothing is concluded, and the answer settles in the end."""
    attempt = shop.attempt()
    shop.gate.fault("notify_lost")
    shop.pay(attempt)
    shop.gate.fault("gateway_500")
    waits = []
    with shop.later(PAY + timedelta(seconds=1)):
        for _ in range(3):
            drain(asking.ask)
            waits.append((now_of(attempt).ask_at - clock.now()).total_seconds())
            Attempt.objects.update(ask_at=clock.now())
        assert waits[0] < 11 < waits[1] < 21 < waits[2] < 41
        shop.gate.clear_faults()
        Attempt.objects.update(ask_at=clock.now())
        shop.ring()
    assert now_of(attempt).money == Money.APPLIED
    assert_audit_holds()


def test_pages_poll_is_bounded(shop: Shop) -> None:
    """Any number of waiting pages ask the provider once in four seconds."""
    attempt = shop.attempt()
    assert [polling.poll("order", attempt.subject_id) for _ in range(5)] == [False] * 5
    assert calls(shop, attempt) == ["query"]
    with shop.later(timedelta(seconds=5)):
        polling.poll("order", attempt.subject_id)
    assert calls(shop, attempt) == ["query", "query"]


def test_pages_poll_backs_off_on_silence(shop: Shop) -> None:
    """While the provider is silent, waiting pages leave it alone for half a minute."""
    attempt = shop.attempt()
    shop.gate.fault("gateway_500")
    polling.poll("order", attempt.subject_id)
    with shop.later(timedelta(seconds=20)):
        polling.poll("order", attempt.subject_id)
    assert calls(shop, attempt) == ["query"]
    with shop.later(timedelta(seconds=40)):
        polling.poll("order", attempt.subject_id)
    assert calls(shop, attempt) == ["query", "query"]


def test_nothing_open_asks_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order whose cashier was never opened costs no call."""
    monkeypatch.setattr(type(providers["alipay"]), "query", None)
    assert polling.poll("order", shop.order().pk) is False


@pytest.mark.parametrize("kind", [asking.ask, notices.handle, refunding.send])
def test_claims_use_their_index(shop: Shop, kind: Any) -> None:
    """Each claim of this room, as it is sent, walks its partial index by the due column."""
    assert_claims_use_index(find(kind))
