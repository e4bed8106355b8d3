"""Money of a balance meets itself and everything else: once on it, once off it, once back.

Each meeting is arranged with a named breakpoint; the same meeting with the guard taken away must break
something, or the test proves nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from django.db import transaction

from shigu.clock.drain import drain
from shigu.ledger import posting
from shigu.ledger.models import Book, Transfer, account
from shigu.orders import cancelling, credits, handlers, refunding
from shigu.orders.errors import NotUnpaid
from shigu.orders.models import Order, Status
from shigu.payments import locks
from shigu.payments.errors import NotEnoughBalance
from shigu.payments.models import Attempt, Money, Outcome, Refund
from shigu.payments.paying import pay_from_balance
from tests.auditing import assert_audit_holds
from tests.races.market import POT, Market, dice, rounds
from tests.races.together import PATIENCE, settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import loose_claims, unlocked_attempts, unlocked_orders
from tests.wallet.purse import asked, has, opened, topped_up

RICH = 3 * POT


def pay(order: Order) -> Attempt:
    """Its buyer pays it from the balance."""
    return pay_from_balance("order", order.pk, user_id=order.user_id)


def booked(kind: str) -> int:
    """How many transfers of this kind there are."""
    return Transfer.objects.filter(kind=kind).count()


# -- two orders, one balance ---------------------------------------------------------------------------


def two_orders_one_balance(market: Market) -> None:
    """There is enough for one; both are paid at once, in two tabs."""
    topped_up(market.alice, POT + POT // 2)
    first, second = market.ordered(), market.ordered()
    with stopped_at("payments.balance.locked") as stop:
        one = start(lambda: pay(first))
        stop.wait()
        two = start(lambda: pay(second))
        settled_or_blocked(two)
        stop.release()
        paid, refused = one.result(), two.result()
    assert isinstance(paid, Attempt), paid
    assert isinstance(refused, NotEnoughBalance), refused
    assert refused.fill == {"missing": "134.00"}
    assert [market.status(one) for one in (first, second)] == [Status.PAID, Status.UNPAID]
    assert has(market.alice) == POT // 2
    assert_audit_holds()


def test_a_balance_pays_one_of_two(market: Market) -> None:
    """The second is told what is missing, by what the first one left."""
    two_orders_one_balance(market)


def test_control_without_the_balances_lock_both_see_enough(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: only the account's own constraint is left, and that is no answer for a person."""

    def look(accounts: Collection[int]) -> dict[int, int]:
        return posting.balances(accounts)

    with transaction.atomic():  # her accounts are there: nothing is missing but the lock
        credits.locked([market.alice.pk])
        posting.lock([account(Book.BALANCE, market.alice.pk)])
    monkeypatch.setattr(posting, "lock", look)
    with pytest.raises(AssertionError, match="account_not_below_zero"):
        two_orders_one_balance(market)


# -- the balance and Alipay pay the same order ------------------------------------------------------------


def balance_meets_notify(market: Market, *, first: str) -> tuple[Any, Any]:
    """Both pay one order; `first` is where the balance's (or Alipay's) side stands when the other comes."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    alipay = market.opened(order)
    sides: list[Callable[[], Any]] = [lambda: pay(order), lambda: market.paid(alipay)]
    if first != "payments.balance.locked":
        sides.reverse()
    with stopped_at(first) as stop:
        one = start(sides[0])
        stop.wait()
        two = start(sides[1])
        settled_or_blocked(two)
        stop.release()
        results = one.result(), two.result()
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, NotUnpaid)]
    applied = Attempt.objects.filter(purpose="order", money=Money.APPLIED)
    assert applied.count() == 1, results
    assert market.status(order) == Status.PAID
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()
    return results


def balance_first(market: Market) -> None:
    """Alipay's money goes back, the balance has paid."""
    paid, outcome = balance_meets_notify(market, first="payments.balance.locked")
    assert (paid.money, outcome) == (Money.APPLIED, Outcome.RETURNED)
    assert has(market.alice) == RICH - POT


def alipay_first(market: Market) -> None:
    """The order waits for nothing any more: the balance keeps its money, the buyer is told."""
    outcome, refused = balance_meets_notify(market, first="orders.settle.done")
    assert outcome == Outcome.SETTLED
    assert isinstance(refused, NotUnpaid), refused
    assert has(market.alice) == RICH


@pytest.mark.parametrize("meet", [balance_first, alipay_first])
def test_the_balance_and_alipay_pay_one_order(
    market: Market, meet: Callable[[Market], None]
) -> None:
    """Whoever comes first pays it; the other one's money goes back, or never leaves."""
    meet(market)


@pytest.mark.parametrize(
    ("meet", "fault"), [(balance_first, "returning"), (alipay_first, "orders_shipment")]
)
def test_control_without_the_locks_both_take_money(
    market: Market, monkeypatch: pytest.MonkeyPatch, meet: Callable[[Market], None], fault: str
) -> None:
    """Negative control: both read "unpaid" and take money; the later one falls, or pays in vain."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    monkeypatch.setattr(locks, "attempts_of_locked", unlocked_attempts)
    with pytest.raises(AssertionError, match=fault):
        meet(market)


# -- paying from the balance meets the clock ------------------------------------------------------------


def pay_while_expiring(market: Market) -> None:
    """The clock has the order in its hand when the buyer presses the button."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    market.over(order)
    with stopped_at("orders.expire.claimed") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: pay(order))
        settled_or_blocked(paying)
        stop.release()
        expiring.result()
        refused = paying.result()
    assert isinstance(refused, NotUnpaid), refused
    assert market.status(order) == Status.EXPIRED
    assert has(market.alice) == RICH
    assert market.counts() == (10, 0, 0)
    assert_audit_holds()


def test_a_balance_does_not_pay_what_is_being_taken_back(market: Market) -> None:
    """Nothing moves, everything held comes back: restoring is open."""
    pay_while_expiring(market)


def test_control_without_the_order_lock_it_does(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the button reads "unpaid" under the clock's hand."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        pay_while_expiring(market)


def expire_while_paying(market: Market) -> None:
    """The buyer's payment holds the order when the clock comes."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    market.over(order)
    with stopped_at("payments.balance.committing") as stop:
        paying = start(lambda: pay(order))
        stop.wait()
        expiring = start(lambda: drain("orders.expire"))
        settled_or_blocked(expiring, 3)
        stop.release()
        drained, paid = expiring.result(), paying.result()
    assert drained.claimed == 0, drained
    assert paid.money == Money.APPLIED
    assert has(market.alice) == RICH - POT
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()


def test_the_clock_passes_by_what_a_balance_is_paying(market: Market) -> None:
    """It leaves what somebody has in hand."""
    expire_while_paying(market)


def test_control_a_claim_without_its_lock_takes_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a claim that locks nothing expires the order that was just paid."""
    loose_claims(monkeypatch)
    with pytest.raises(AssertionError, match="claimed=1"):
        expire_while_paying(market)


# -- paying from the balance meets cancelling ------------------------------------------------------------


def pay_while_cancelling(market: Market) -> None:
    """Cancelled in one tab, paid in the other: the first one wins, and no money moves."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    with stopped_at("orders.cancel.locked") as stop:
        cancel = start(lambda: market.cancel(order))
        stop.wait()
        paying = start(lambda: pay(order))
        settled_or_blocked(paying)
        stop.release()
        cancel.result()
        refused = paying.result()
    assert isinstance(refused, NotUnpaid), refused
    assert market.status(order) == Status.CANCELLED
    assert has(market.alice) == RICH
    assert not Refund.objects.exists(), "nothing was taken, so nothing goes back"
    assert_audit_holds()


def test_a_balance_does_not_pay_what_is_being_cancelled(market: Market) -> None:
    """The buyer said no first."""
    pay_while_cancelling(market)


def test_control_without_the_lock_a_cancelled_order_is_paid(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both tabs read "unpaid", both act."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        pay_while_cancelling(market)


def cancel_while_paying(market: Market) -> None:
    """Paid in one tab, cancelled in the other: too late, and told so."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    with stopped_at("payments.balance.committing") as stop:
        paying = start(lambda: pay(order))
        stop.wait()
        cancel = start(lambda: market.cancel(order))
        settled_or_blocked(cancel)
        stop.release()
        paying.result()
        refused = cancel.result()
    assert isinstance(refused, NotUnpaid), refused
    assert market.status(order) == Status.PAID
    assert has(market.alice) == RICH - POT
    assert_audit_holds()


def test_cancelling_what_a_balance_is_paying_is_refused(market: Market) -> None:
    """Goods that are paid are not given back behind the payment's back."""
    cancel_while_paying(market)


def test_control_cancelling_without_the_lock_breaks_something(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the cancelling tab reads "unpaid" and takes back what is sold."""
    monkeypatch.setattr(cancelling, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="stock_never_oversold"):
        cancel_while_paying(market)


# -- double clicks ----------------------------------------------------------------------------------------


def six_clicks(market: Market) -> None:
    """Six clicks at once on one order."""
    topped_up(market.alice, RICH)
    order = market.ordered()
    paid = together(*[lambda: pay(order).pk for _ in range(6)])
    assert len(set(paid)) == 1, paid
    assert has(market.alice) == RICH - POT
    assert_audit_holds()


def test_six_clicks_pay_once(market: Market) -> None:
    """Each of them is answered with the one payment."""
    six_clicks(market)


def test_control_six_clicks_without_the_locks(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: they fall over the attempt's number, the balance or the ledger's key."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    monkeypatch.setattr(locks, "attempts_of_locked", unlocked_attempts)
    gate = threading.Barrier(6)
    payable = handlers.OrderPurpose.payable

    def slow(self: Any, subject_id: int, *, now: Any) -> Any:
        gate.wait(PATIENCE)
        return payable(self, subject_id, now=now)

    monkeypatch.setattr(handlers.OrderPurpose, "payable", slow)
    with pytest.raises(AssertionError, match="out_trade_no"):
        six_clicks(market)


# -- everything at once ---------------------------------------------------------------------------------


def test_whoever_meets_whenever_it_adds_up(market: Market) -> None:
    """Top-up, two payments, Alipay's notify and a refund of one buyer, with random delays: no circle of
    locks, and the balance is what came minus what went."""
    for seed in rounds(20, 400):
        all_at_once(market, seed)


def all_at_once(market: Market, seed: int) -> None:
    """One round; it can be told again by its seed."""
    chance, bob = dice(seed), market.buyer(f"bob{seed}")
    sku = market.goods(f"cup{seed}", 5_000, 100)
    topped_up(bob, 10_000)
    back, one, two = (Order.objects.get(pk=market.place(bob, (sku, 1)).order_id) for _ in range(3))
    pay(back)
    alipay, more = market.opened(one), opened(asked(bob, 2_000))

    def after(act: Callable[[], Any]) -> Callable[[], Any]:
        delay = chance.choice([0, 0, 0.001, 0.003, 0.008])

        def late() -> Any:
            time.sleep(delay)
            return act()

        return late

    def give_back() -> None:
        refunding.refund(back.pk, by=bob.pk)
        drain("payments.send")

    results = together(
        after(lambda: pay(one)),
        after(lambda: pay(two)),
        after(lambda: market.paid(alipay)),
        after(lambda: market.paid(more)),
        after(give_back),
    )
    awaited = (NotUnpaid, NotEnoughBalance)
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, awaited)], seed
    paid = Attempt.objects.filter(user=bob, provider="balance", money=Money.APPLIED, refunding=0)
    assert has(bob) == 10_000 + 2_000 - 5_000 * paid.count(), seed
    assert_audit_holds()
