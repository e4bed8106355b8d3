"""A top-up from the wish to the balance: limits, one key, late and double money, the clock's question."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from shigu import clock
from shigu.clock.drain import drain_all
from shigu.kit.auditing import offending
from shigu.kit.errors import Refusal
from shigu.payments.errors import NoSuchWay, NotYours
from shigu.payments.models import Attempt, Outcome, Refund, State, Why
from shigu.payments.opening import Way, open_attempt
from shigu.payments.paying import pay_from_balance
from shigu.payments.provider import Answer, RefundAnswer, Standing, providers
from shigu.payments.provider import Fate as Became
from shigu.wallet import auditing
from shigu.wallet.errors import AlreadyPaid, NotAnAmount, TimeIsUp
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for, of, standing
from tests.auditing import assert_audit_holds
from tests.people import alice, bob
from tests.wallet.purse import (
    NOWHERE,
    asked,
    has,
    opened,
    story,
    told,
    topped_up,
)

pytestmark = pytest.mark.django_db(transaction=False)


def rows() -> list[object]:
    """All that a top-up may write: equal before and after is "nothing changed"."""
    models = (TopUp, Attempt, Refund)
    return [list(model.objects.order_by("pk").values()) for model in models] + [story()]


def word(top_up: TopUp) -> str:
    return standing(TopUp.objects.get(pk=top_up.pk), clock.now()).word


def test_the_money_is_on_the_balance_once(settings: Any) -> None:
    """Asked for, opened, paid: one transfer from the provider to the buyer, and the top-up says when."""
    top_up = asked(alice(), 20_000)
    assert top_up.pay_by - top_up.asked_at == settings.PAY_WINDOW
    assert (word(top_up), has(alice())) == ("unpaid", 0)
    attempt = opened(top_up)
    assert attempt.out_trade_no == f"{top_up.number}_1"
    assert attempt.ask_at == top_up.pay_by
    assert told(attempt) == Outcome.SETTLED
    assert told(attempt) == Outcome.REPEATED
    assert (word(top_up), has(alice()), has(bob())) == ("paid", 20_000, 0)
    assert story() == [("top-up", 20_000)]
    assert_audit_holds()


@pytest.mark.parametrize("fen", [-5, 0, 99, 5_000_001, 10**15])
def test_only_amounts_within_the_limits(fen: int) -> None:
    """Too little, too much, nothing: refused with both limits named, and nothing is written."""
    before = rows()
    with pytest.raises(NotAnAmount) as refusal:
        asked(alice(), fen)
    assert refusal.value.fill == {"least": "1.00", "most": "50000.00"}
    assert rows() == before


@pytest.mark.parametrize("fen", [100, 5_000_000])
def test_the_limits_themselves_are_welcome(fen: int) -> None:
    """One yuan and fifty thousand can be topped up."""
    assert asked(alice(), fen).amount == fen


def test_one_key_is_one_top_up() -> None:
    """A double click asks once; another person's equal key is their own."""
    first = ask_for(alice().pk, 5_000, key="k")
    assert ask_for(alice().pk, 9_900, key="k") == first
    assert ask_for(bob().pk, 5_000, key="k") != first
    assert TopUp.objects.count() == 2


def test_its_number_is_no_orders() -> None:
    """Digits only, and the first one tells it from an order of the same day, buyer and id."""
    number = asked(alice()).number
    assert number.isdigit()
    assert number.startswith("92")


def test_another_persons_top_up_does_not_exist() -> None:
    """Neither to look at nor to pay."""
    top_up = asked(alice())
    with pytest.raises(TopUp.DoesNotExist):
        of(bob().pk, top_up.number)
    before = rows()
    with pytest.raises(NotYours):
        open_attempt("top-up", top_up.pk, user_id=bob().pk, way=Way(), addresses=NOWHERE)
    assert rows() == before


def test_it_is_not_paid_from_the_balance_itself() -> None:
    """A balance that could top itself up would be a joke."""
    topped_up(alice(), 50_000)
    top_up, way = asked(alice(), 100), Way("balance", "")
    before = rows()
    with pytest.raises(NoSuchWay):
        pay_from_balance("top-up", top_up.pk, user_id=alice().pk)
    with pytest.raises(NoSuchWay):
        open_attempt("top-up", top_up.pk, user_id=alice().pk, way=way, addresses=NOWHERE)
    assert rows() == before


def test_no_cashier_for_what_is_paid_or_over() -> None:
    """Paid: the money is there. Too late: start another one."""
    paid, late = topped_up(alice()), asked(alice())
    clock.shift(timedelta(minutes=16))
    before = rows()
    for top_up, refusal in ((paid, AlreadyPaid), (late, TimeIsUp)):
        with pytest.raises(refusal):
            opened(top_up)
    assert rows() == before
    assert word(late) == "closed"


def test_late_money_is_the_buyers_all_the_same() -> None:
    """Nothing was held, so nothing is lost by putting it where it was meant to go."""
    top_up = asked(alice())
    attempt = opened(top_up)
    told(attempt, Standing.CLOSED)
    clock.shift(timedelta(hours=3))
    assert word(top_up) == "closed"
    assert told(attempt) == Outcome.SETTLED
    assert (word(top_up), has(alice())) == ("paid", 10_000)
    assert_audit_holds()


def test_a_second_payment_goes_back() -> None:
    """Two cashiers, both paid: one is on the balance, the other returns by the way it came."""
    top_up = asked(alice())
    page, wap = opened(top_up), opened(top_up, "wap")
    assert told(page) == Outcome.SETTLED
    assert Attempt.objects.get(pk=wap.pk).unwanted_at, "what is still open is wanted no more"
    assert told(wap) == Outcome.RETURNED
    refund = Refund.objects.get()
    assert (refund.why, refund.attempt_id, has(alice())) == (Why.SURPLUS, wap.pk, 10_000)
    assert story() == [("top-up", 10_000), ("returning", 10_000)]
    assert_audit_holds()


def test_the_second_payment_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent by Alipay, it leaves the house again, and the balance is as it was."""
    top_up = asked(alice())
    page, wap = opened(top_up), opened(top_up, "wap")
    told(page)
    told(wap)
    answer = RefundAnswer(Became.SENT)
    monkeypatch.setattr(type(providers["alipay"]), "refund", lambda self, refund: answer)
    drain_all()
    assert story()[-1] == ("refunded", 10_000)
    assert (word(top_up), has(alice())) == ("paid", 10_000)
    assert_audit_holds()


def test_the_clock_asks_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cashier that was left is asked for at `pay_by` and closed; until then it is being asked."""
    top_up = asked(alice())
    attempt = opened(top_up)
    clock.shift(timedelta(minutes=15, seconds=1))
    assert word(top_up) == "asking"
    alipay = type(providers["alipay"])
    monkeypatch.setattr(alipay, "query", lambda self, number: Answer(number, Standing.WAITING))
    monkeypatch.setattr(alipay, "close", lambda self, number: Standing.CLOSED)
    drain_all()
    assert Attempt.objects.get(pk=attempt.pk).state == State.CLOSED
    assert (word(top_up), has(alice())) == ("closed", 0)


def test_the_clock_hears_of_a_payment_nobody_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notify was lost: the question at `pay_by` puts the money on the balance."""
    top_up = asked(alice())
    opened(top_up)
    clock.shift(timedelta(minutes=15, seconds=1))

    def query(self: object, number: str) -> Answer:
        return Answer(number, Standing.PAID, amount=10_000, trade_no="t", paid_at=clock.now())

    monkeypatch.setattr(type(providers["alipay"]), "query", query)
    drain_all()
    assert (word(top_up), has(alice())) == ("paid", 10_000)
    assert_audit_holds()


@pytest.mark.parametrize("refusal", [NotAnAmount(least="1", most="2"), AlreadyPaid(), TimeIsUp()])
def test_refusals_are_said_in_both_languages(refusal: Refusal) -> None:
    """A person reads why, in Chinese and in English."""
    with translation.override("en"):
        english = refusal.message
    with translation.override("zh-hans"):
        assert refusal.message != english


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE wallet_topup SET paid_at = NULL",
        "UPDATE wallet_topup SET amount = amount + 1",
        "UPDATE payments_attempt SET subject_id = 0",
        "UPDATE payments_attempt SET money = 'returning'",
        "UPDATE payments_attempt SET user_id = (SELECT id FROM accounts_user WHERE username = 'bob')",
    ],
)
def test_the_audit_finds_what_does_not_fit(damage: str) -> None:
    """Paid without a payment, another amount, somebody else's money: each is found; before, nothing."""
    bob()
    top_up = topped_up(alice())
    assert offending(auditing.PAID_ONCE) == []
    with connection.cursor() as cursor:
        cursor.execute(damage)
    (found,) = offending(auditing.PAID_ONCE)
    assert found["number"] == top_up.number


def test_a_top_up_without_its_transfer_is_found() -> None:
    """Said to be paid, and nothing on the balance."""
    top_up = topped_up(alice())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica; DELETE FROM ledger_transfer")
    (found,) = offending(auditing.PAID_ONCE)
    assert (found["number"], found["on_the_balance"]) == (top_up.number, None)
