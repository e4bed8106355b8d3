"""Several payments decided in one transaction: their orders' things are locked together, in one order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu import clock
from shigu.orders import settling
from shigu.orders.committing import place
from shigu.orders.models import Order, Status
from shigu.orders.placing import Placed
from shigu.payments.models import Attempt, Outcome
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import Hearing
from tests.auditing import assert_audit_holds
from tests.races.market import Market
from tests.races.together import decided_together, settled_or_blocked, start, stopped_at


def paid(attempt: Attempt) -> Hearing:
    """The provider's word about it."""
    no, amount = attempt.out_trade_no, attempt.amount
    at = clock.now() - timedelta(seconds=1)
    return Hearing(
        "alipay", Answer(no, Standing.PAID, amount=amount, trade_no=f"t{no}", paid_at=at)
    )


def two_payments_and_a_placing(market: Market) -> None:
    """Bob's teapot is settled, alice's order is next; alice's other tab has her credits and wants a teapot."""
    fan, bob = market.goods("fan", 9800, 5), market.buyer("bob")
    market.give(market.alice, 500)
    first = market.ordered(bob)
    second = Order.objects.get(pk=market.place(market.alice, (fan, 1), credits=200).order_id)
    hearings = [paid(market.opened(first)), paid(market.opened(second))]
    with stopped_at("orders.settle.done") as stop:
        settling_both = start(lambda: decided_together(hearings))
        stop.wait()
        wanted = market.placing(market.alice, (market.pot, 1), credits=300)
        placing = start(lambda: place(wanted))
        settled_or_blocked(placing)
        stop.release()
        answers = [settling_both.result(), placing.result()]
    assert answers[0] == [Outcome.SETTLED, Outcome.SETTLED], answers
    assert isinstance(answers[1], Placed), answers
    assert [market.status(order) for order in (first, second)] == [Status.PAID, Status.PAID]
    assert_audit_holds()


def test_nobody_waits_in_a_circle(market: Market) -> None:
    """The other tab waits for the credits before it has anything."""
    two_payments_and_a_placing(market)


def test_control_one_after_the_other_waits_in_a_circle(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: what the second order needs is locked when the first has its pieces."""
    monkeypatch.setattr(settling, "lock_all", lambda orders: None)
    with pytest.raises(AssertionError, match="deadlock detected"):
        two_payments_and_a_placing(market)
