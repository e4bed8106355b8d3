"""One coupon, the same credits, wanted twice: by a late payment and a new order, by a refund and a new order.

Whoever comes first has them, the other one is answered. Each meeting has a control: one side looks without a
lock, and what it saw is gone by the time it takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from shigu.kit.breakpoints import reached
from shigu.orders import credits, placing, refunding, settling
from shigu.orders.errors import CouponGone, CreditsShort
from shigu.orders.models import Order, Status
from shigu.orders.placing import Placed, place_many
from shigu.payments.models import Outcome, Refund, Why
from shigu.payments.refunding import give_back
from shigu.promotions import holding
from shigu.promotions.models import Grant, GrantState
from tests.auditing import assert_audit_holds
from tests.races.market import POT, Market
from tests.races.together import settled_or_blocked, start, stopped_at
from tests.races.unguarded import unlocked_credits, unlocked_grants, with_other

FAULTS = [("coupon", "GrantTaken"), ("credits", "account_not_below_zero")]
Sides = tuple[Callable[[], Any], Callable[[], Any]]


def met(place: str, first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """The second comes while the first stands at this place; both answers, that of the first one first."""
    with stopped_at(place) as stop:
        one = start(first)
        stop.wait()
        two = start(second)
        settled_or_blocked(two)
        stop.release()
        return [one.result(), two.result()]


def looks_without_locks(monkeypatch: pytest.MonkeyPatch, side: Any) -> None:
    """This side, and only this one, reads coupons and credits without locking them."""
    monkeypatch.setattr(side, "holding", with_other(holding, locked=unlocked_grants), raising=False)
    monkeypatch.setattr(side, "credits", with_other(credits, locked=unlocked_credits))


# -- a late payment and a new order ----------------------------------------------------------------------


class Lapsed:
    """An order that lapsed, its payment on the way, and a new one that takes what it had held."""

    def __init__(self, market: Market, what: str) -> None:
        self.market, self.fan = market, market.goods("fan", 9800, 5)
        market.give(market.alice, 500)
        with transaction.atomic():  # controls are to miss a lock, not an account
            credits.locked([market.alice.pk])
        wallet: dict[str, Any] = {"credits": 500}
        if what == "coupon":
            wallet = {"grant": market.grant(market.alice)}
        self.order = market.ordered(**wallet)
        self.attempt = market.opened(self.order)
        market.lapse(self.order)
        self.wanted = market.placing(market.alice, (self.fan, 1), **wallet)

    def place(self) -> Any:
        return place_many([self.wanted])[0]

    def pay(self) -> Outcome:
        return self.market.paid(self.attempt)


def placed_before_the_late_payment(market: Market, what: str) -> None:
    """The new order is admitted and not yet written when the payment looks whether it can be revived."""
    old = Lapsed(market, what)
    placed, outcome = met("orders.place.admitted", old.place, old.pay)
    assert isinstance(placed, Placed), repr(placed)
    assert outcome == Outcome.RETURNED, repr(outcome)
    assert (market.status(old.order), Refund.objects.get().why) == (Status.EXPIRED, Why.LATE)
    assert market.counts() == (10, 0, 0)
    if what == "coupon":
        grant = Grant.objects.get()
        assert (grant.state, grant.order_id) == (GrantState.HELD, placed.order_id)
    else:
        assert market.credits(market.alice) == (0, 500)
    assert_audit_holds()


def revived_before_the_new_order(market: Market, what: str) -> None:
    """The payment has revived its order and not committed when the new one asks for the same."""
    old = Lapsed(market, what)
    outcome, refused = met("orders.settle.done", old.pay, old.place)
    assert outcome == Outcome.SETTLED, repr(outcome)
    assert isinstance(refused, CouponGone if what == "coupon" else CreditsShort), repr(refused)
    assert market.status(old.order) == Status.PAID
    assert (market.counts(), market.counts(old.fan)) == ((9, 0, 1), (5, 0, 0))
    assert Order.objects.count() == 1
    assert_audit_holds()


@pytest.mark.parametrize("what", ["coupon", "credits"])
def test_what_a_new_order_took_is_not_taken_again(market: Market, what: str) -> None:
    """The late payment waits, sees that it is gone, and the money goes back by itself."""
    placed_before_the_late_payment(market, what)


@pytest.mark.parametrize(("what", "fault"), FAULTS)
def test_control_reviving_without_a_lock_takes_what_is_gone(
    market: Market, monkeypatch: pytest.MonkeyPatch, what: str, fault: str
) -> None:
    """Negative control: the payment believes that it is free; only the last line of defence stops it."""
    looks_without_locks(monkeypatch, settling)
    with pytest.raises(AssertionError, match=fault):
        placed_before_the_late_payment(market, what)


@pytest.mark.parametrize("what", ["coupon", "credits"])
def test_what_was_taken_again_is_not_promised(market: Market, what: str) -> None:
    """The new order is refused with its reason, and holds nothing."""
    revived_before_the_new_order(market, what)


@pytest.mark.parametrize(("what", "fault"), FAULTS)
def test_control_placing_without_a_lock_promises_what_is_gone(
    market: Market, monkeypatch: pytest.MonkeyPatch, what: str, fault: str
) -> None:
    """Negative control: the buyer gets an error instead of an answer."""
    looks_without_locks(monkeypatch, placing)
    with pytest.raises(AssertionError, match=fault):
        revived_before_the_new_order(market, what)


# -- a refund and a new order -------------------------------------------------------------------------------


class Earned:
    """A paid order that earned 268 credits, and a new one that wants to spend 200 of them."""

    def __init__(self, market: Market) -> None:
        self.market, self.fan = market, market.goods("fan", 9800, 5)
        self.order = market.ordered()
        assert market.paid(market.opened(self.order)) == Outcome.SETTLED
        assert market.credits(market.alice) == (268, 0)
        self.wanted = market.placing(market.alice, (self.fan, 1), credits=200)

    def place(self) -> Any:
        return place_many([self.wanted])[0]

    def refund(self) -> Order:
        return refunding.refund(self.order.pk, by=self.market.alice.pk)


def spent_before_the_refund(market: Market) -> None:
    """The new order is admitted and not yet written when the operator gives the money back."""
    earned = Earned(market)
    placed, refunded = met("orders.place.admitted", earned.place, earned.refund)
    assert isinstance(placed, Placed), repr(placed)
    assert isinstance(refunded, Order), repr(refunded)
    assert market.credits(market.alice) == (0, 200)
    assert Refund.objects.get().amount == POT - 2000
    assert_audit_holds()


def taken_back_before_the_new_order(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refund has taken the credits back and not committed when the new order wants them."""
    earned = Earned(market)

    def stopping(*arguments: Any, **more: Any) -> Refund:
        reached("orders.refund.taken")
        return give_back(*arguments, **more)

    monkeypatch.setattr(refunding, "give_back", stopping)
    refunded, refused = met("orders.refund.taken", earned.refund, earned.place)
    assert isinstance(refunded, Order), repr(refunded)
    assert isinstance(refused, CreditsShort), repr(refused)
    assert refused.fill == {"left": 0}
    assert (market.credits(market.alice), market.counts(earned.fan)) == ((0, 0), (5, 0, 0))
    assert Refund.objects.get().amount == POT
    assert_audit_holds()


def test_earned_credits_that_are_being_spent_are_withheld(market: Market) -> None:
    """The refund waits: it takes back what is left, and keeps the worth of the others."""
    spent_before_the_refund(market)


def test_control_a_refund_that_looks_without_a_lock_takes_too_much(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: it takes back what the new order holds, and the operator gets an error."""
    monkeypatch.setattr(refunding, "credits", with_other(credits, locked=unlocked_credits))
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        spent_before_the_refund(market)


def test_credits_that_are_being_taken_back_are_not_spent(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The buyer is told that none is left, and all of the money goes back."""
    taken_back_before_the_new_order(market, monkeypatch)


def test_control_placing_without_a_lock_spends_what_was_taken_back(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the buyer gets an error instead of an answer."""
    looks_without_locks(monkeypatch, placing)
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        taken_back_before_the_new_order(market, monkeypatch)
