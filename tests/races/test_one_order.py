"""Settle, expire and cancel meet on one order: exactly one wins, everything is counted once.

Each meeting is arranged with a named breakpoint, so it happens in the first round; the same meeting with
the guard taken away must break something, or the test proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from shigu import clock
from shigu.catalogue import stock
from shigu.catalogue.models import Moved
from shigu.clock.drain import drain
from shigu.orders import cancelling, handlers
from shigu.orders.errors import NotUnpaid
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments import locks
from shigu.payments.models import Outcome, Refund, Why
from tests.auditing import assert_audit_holds
from tests.races.market import Market, dice, rounds
from tests.races.together import settled_or_blocked, start, stopped_at, together, wait_until_blocked
from tests.races.unguarded import loose_claims, unlocked_attempts, unlocked_orders


def moves(order: Order) -> list[str]:
    """What happened to an order, in order."""
    return list(OrderEvent.objects.filter(order=order).values_list("why", flat=True))


# -- the payment arrives while the clock takes the order back ---------------------------------------


def pay_while_expiring(market: Market) -> Order:
    """The clock has claimed the order when the notify comes: it waits, then revives the order."""
    order = market.ordered()
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.expire.claimed") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: market.paid(attempt))
        settled_or_blocked(paying)
        stop.release()
        expiring.result()
        outcome = paying.result()
    assert outcome == Outcome.SETTLED, outcome
    assert market.status(order) == Status.PAID
    assert moves(order) == ["placed", "time", "revived"]
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()
    return order


def test_a_payment_during_expiry_waits_and_revives(market: Market) -> None:
    """Payment and expiry in the same instant: the buyer keeps what was paid for, counted once."""
    pay_while_expiring(market)


def test_control_without_the_order_lock_that_payment_breaks_something(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: settling without the lock reads an order that is being taken back."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        pay_while_expiring(market)


# -- the clock comes while a payment is being settled ------------------------------------------------


def expire_while_paying(market: Market) -> None:
    """The payment holds the order when the clock comes: the clock passes by."""
    order = market.ordered()
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.settle.done") as stop:
        paying = start(lambda: market.paid(attempt))
        stop.wait()
        expiring = start(lambda: drain("orders.expire"))
        settled_or_blocked(expiring, 3)
        stop.release()
        drained, outcome = expiring.result(), paying.result()
    assert drained.claimed == 0, drained
    assert outcome == Outcome.SETTLED
    assert moves(order) == ["placed", "paid"]
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()


def test_the_clock_passes_by_an_order_that_is_being_paid(market: Market) -> None:
    """Expiry never waits for, nor overwrites, an order in somebody's hand."""
    expire_while_paying(market)


def test_control_a_claim_without_its_lock_expires_a_paid_order(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a claim that locks nothing takes the order in the payment's hand."""
    loose_claims(monkeypatch)
    with pytest.raises(AssertionError, match="claimed=1"):
        expire_while_paying(market)


# -- cancelling meets a payment -----------------------------------------------------------------------


def pay_while_cancelling(market: Market) -> None:
    """The buyer cancels in one tab while the notify comes: the money goes back by itself."""
    order = market.ordered()
    attempt = market.opened(order)
    with stopped_at("orders.cancel.locked") as stop:
        cancel = start(lambda: market.cancel(order))
        stop.wait()
        paying = start(lambda: market.paid(attempt))
        settled_or_blocked(paying)
        stop.release()
        cancel.result()
        outcome = paying.result()
    assert outcome == Outcome.RETURNED, outcome
    assert market.status(order) == Status.CANCELLED
    assert [(r.amount, r.why) for r in Refund.objects.all()] == [(order.payable, Why.CANCELLED)]
    assert market.counts() == (10, 0, 0)
    assert_audit_holds()


def test_money_for_an_order_that_is_being_cancelled_goes_back(market: Market) -> None:
    """The buyer said no first: nothing is sold, the money returns once."""
    pay_while_cancelling(market)


def test_control_without_the_lock_a_cancelled_order_is_paid(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both sides read "unpaid", both act."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    monkeypatch.setattr(locks, "attempts_of_locked", unlocked_attempts)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        pay_while_cancelling(market)


def cancel_while_paying(market: Market) -> None:
    """The notify is being settled when the buyer cancels: too late, and told so."""
    order = market.ordered()
    attempt = market.opened(order)
    with stopped_at("orders.settle.done") as stop:
        paying = start(lambda: market.paid(attempt))
        stop.wait()
        cancel = start(lambda: market.cancel(order))
        settled_or_blocked(cancel)
        stop.release()
        paying.result()
        refused = cancel.result()
    assert isinstance(refused, NotUnpaid), refused
    assert market.status(order) == Status.PAID
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()


def test_cancelling_what_is_being_paid_is_refused(market: Market) -> None:
    """A paid order cannot be cancelled, however late the click saw it."""
    cancel_while_paying(market)


def test_control_cancelling_without_the_lock_breaks_something(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a cancel that reads without a lock gives back what was just sold."""
    monkeypatch.setattr(cancelling, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        cancel_while_paying(market)


# -- the clock meets a cancelling buyer ----------------------------------------------------------------


def cancel_while_expiring(market: Market) -> None:
    """Both want to give everything back; it comes back once."""
    order = market.ordered(pieces=2)
    market.over(order)
    with stopped_at("orders.expire.claimed") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        cancel = start(lambda: market.cancel(order))
        settled_or_blocked(cancel)
        stop.release()
        drained, refused = expiring.result(), cancel.result()
    assert (drained.affected, drained.failed) == (1, 0), drained
    assert isinstance(refused, NotUnpaid), refused
    assert market.counts() == (10, 0, 0)
    assert moves(order) == ["placed", "time"]
    assert_audit_holds()


def test_what_was_held_comes_back_once(market: Market) -> None:
    """Cancel and expiry in the same instant release two pieces, not four."""
    cancel_while_expiring(market)


def test_control_without_the_lock_it_would_come_back_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the second release breaks the stock's own constraint, or the counts."""
    monkeypatch.setattr(cancelling, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        cancel_while_expiring(market)


# -- random meetings -----------------------------------------------------------------------------------


def test_whoever_meets_whenever_one_wins(market: Market) -> None:
    """Pay, expire and cancel start together with random delays: one status, everything counted once."""
    stock.correct(
        market.pot.pk, pieces=2000, kind=Moved.RECEIPT, subject="many", by="", now=clock.now()
    )
    for seed in rounds(30, 600):
        all_three_at_once(market, seed)


def all_three_at_once(market: Market, seed: int) -> None:
    """One round; it can be told again by its seed."""
    chance = dice(seed)
    order = market.ordered(pieces=chance.randint(1, 3))
    attempt = market.opened(order)
    market.over(order)

    def after(act: Callable[[], Any]) -> Callable[[], Any]:
        delay = chance.choice([0, 0, 0.001, 0.003, 0.006])

        def late() -> Any:
            time.sleep(delay)
            return act()

        return late

    results = together(
        after(lambda: market.paid(attempt)),
        after(lambda: drain("orders.expire")),
        after(lambda: market.cancel(order)),
    )
    unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, NotUnpaid)]
    assert not unexpected, seed
    assert market.status(order) in {Status.PAID, Status.CANCELLED}, seed
    assert_audit_holds()
    returned = Refund.objects.filter(attempt=attempt).exists()
    assert returned == (market.status(order) == Status.CANCELLED), seed


def test_two_sides_really_meet(market: Market) -> None:
    """The tools themselves: the second side is seen waiting for the first one's lock."""
    order = market.ordered()
    attempt = market.opened(order)
    with stopped_at("orders.settle.done") as stop:
        paying = start(lambda: market.paid(attempt))
        stop.wait()
        cancel = start(lambda: market.cancel(order))
        wait_until_blocked()
        stop.release()
        assert paying.result() == Outcome.SETTLED
        assert isinstance(cancel.result(), NotUnpaid)
