"""Giving money back: never more than came, each refund under its own number, only what is certain counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from shigu import clock
from shigu.clock.drain import drain
from shigu.payments import locks, refunding
from shigu.payments.errors import OverRefund
from shigu.payments.models import Attempt, Refund, RefundState, Why
from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing, providers
from shigu.payments.refunding import give_back
from shigu.payments.settling import settle
from tests.payments.shopfront import PRICE, Shop, everything, now_of


@pytest.fixture
def paid(shop: Shop) -> Attempt:
    """A settled payment that Alipay knows of."""
    attempt = shop.attempt()
    shop.pay(attempt)
    shop.told(attempt)
    row: Attempt = now_of(attempt)
    return row


def give(attempt: Attempt, amount: int, why: Why = Why.SURPLUS) -> Refund:
    with transaction.atomic():
        locks.attempts_of([(attempt.purpose, attempt.subject_id)])
        return give_back(attempt.pk, amount, why, now=clock.now())


def test_parts_have_numbers_of_their_own(shop: Shop, paid: Attempt) -> None:
    """Two parts, two numbers, both sent, Alipay's books agree."""
    first, second = give(paid, 4000), give(paid, 900)
    assert first.request_no == f"{paid.out_trade_no}_r1"
    assert second.request_no == f"{paid.out_trade_no}_r2"
    assert now_of(paid).refunding == 4900
    shop.ring()
    assert set(Refund.objects.values_list("state", flat=True)) == {RefundState.SENT}
    assert shop.gate.trade(paid.out_trade_no)["refunded"] == 4900  # type: ignore[index]


@pytest.mark.parametrize("amount", [PRICE + 1, 0, -1])
def test_never_more_than_came(shop: Shop, paid: Attempt, amount: int) -> None:
    """More than is left, nothing, or less than nothing is refused; nothing is written."""
    before = everything()
    with pytest.raises(OverRefund):
        give(paid, amount)
    assert everything() == before
    give(paid, 9000)
    before = everything()
    with pytest.raises(OverRefund) as refusal:
        give(paid, 901)
    assert refusal.value.fill == {"left": "9.00"}
    assert everything() == before


def test_what_was_not_paid_is_not_given_back(shop: Shop) -> None:
    """An open attempt has nothing to give back."""
    attempt = shop.open(shop.order()).attempt
    with pytest.raises(OverRefund):
        give(attempt, 1)


def test_the_row_itself_refuses_too_much(shop: Shop, paid: Attempt) -> None:
    """Whatever the code does, the database holds the sum of refunds below the amount."""
    with pytest.raises(IntegrityError):
        Attempt.objects.filter(pk=paid.pk).update(refunding=PRICE + 1)
    with pytest.raises(IntegrityError):
        Attempt.objects.filter(pk=paid.pk).update(money="")


class Stub:
    """A provider that answers a refund and a look-up as told, and counts."""

    def __init__(self, sends: Fate, finds: Fate) -> None:
        self.sends, self.finds, self.asked = sends, finds, 0

    def refund(self, refund: Refund) -> RefundAnswer:
        return RefundAnswer(self.sends, f"send {self.sends}")

    def query_refund(self, refund: Refund) -> RefundAnswer:
        self.asked += 1
        return RefundAnswer(self.finds, f"find {self.finds}")


CASES = [
    (Fate.SENT, Fate.UNKNOWN, Fate.SENT, 0),
    (Fate.UNKNOWN, Fate.SENT, Fate.SENT, 1),
    (Fate.UNKNOWN, Fate.NOT_SENT, Fate.UNKNOWN, 1),
    (Fate.UNKNOWN, Fate.UNKNOWN, Fate.UNKNOWN, 1),
    (Fate.REFUSED, Fate.SENT, Fate.SENT, 1),
    (Fate.REFUSED, Fate.NOT_SENT, Fate.REFUSED, 1),
    (Fate.REFUSED, Fate.UNKNOWN, Fate.UNKNOWN, 1),
]


@pytest.mark.parametrize(("sends", "finds", "fate", "asked"), CASES)
def test_only_what_is_certain_counts(
    sends: Fate, finds: Fate, fate: Fate, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent is sent; refused counts only where nothing was sent before; the rest is unknown."""
    stub = Stub(sends, finds)
    monkeypatch.setitem(providers._handlers, "stub", stub)  # type: ignore[misc]
    attempt = Attempt(provider="stub", out_trade_no="7_1")
    assert refunding.send(Refund(attempt=attempt, amount=1)).fate is fate
    assert stub.asked == asked


def test_a_stale_answer_is_dropped(shop: Shop, paid: Attempt) -> None:
    """An answer to an earlier claim, or about a refund that ended, writes nothing."""
    refund = give(paid, 100)
    with pytest.raises(clock.StaleClaim):
        refunding.sent(refund.pk, RefundAnswer(Fate.SENT), tries=refund.tries + 1)
    refunding.sent(refund.pk, RefundAnswer(Fate.SENT), tries=0)
    with pytest.raises(clock.StaleClaim):
        refunding.sent(refund.pk, RefundAnswer(Fate.REFUSED), tries=0)
    assert now_of(refund).state == RefundState.SENT


def test_only_refused_ones_are_sent_again(shop: Shop, paid: Attempt) -> None:
    """What was sent, or still is being sent, is not touched by an operator's wish."""
    first, second = give(paid, 100), give(paid, 200)
    refunding.sent(first.pk, RefundAnswer(Fate.SENT), tries=0)
    before = everything()
    assert refunding.send_again([first.pk, second.pk]) == 0
    assert everything() == before


def test_unknown_backs_off(shop: Shop, paid: Attempt, settings: Any) -> None:
    """An unreachable provider is tried again with the same number, and what it said is shown."""
    shop.gate.fault("gateway_500")
    refund = give(paid, 100)
    drain(refunding.send)
    row = now_of(refund)
    assert (row.state, row.tries, row.last_answer) == (RefundState.SENDING, 1, "HTTP 500")
    assert timedelta(seconds=3) < row.try_at - clock.now() <= timedelta(seconds=5)


def test_money_back_twice_is_impossible(shop: Shop, paid: Attempt) -> None:
    """The same payment told again after its refund is only heard before."""
    give(paid, PRICE)
    shop.ring()
    answer = Answer(paid.out_trade_no, Standing.PAID, amount=PRICE, trade_no="x")
    before = everything()
    assert settle("alipay", answer) == "repeated"
    assert everything() == before
