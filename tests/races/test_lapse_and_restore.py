"""Lapse, restore, lapse, pay late: each round gives back and takes again exactly what it should."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import pytest

from shigu import clock
from shigu.clock.drain import drain, drain_all
from shigu.kit.breakpoints import reached
from shigu.learning.models import Enrolment
from shigu.orders import restoring
from shigu.orders.errors import AlreadyYours, NotExpired, OutOfStock, PriceChanged, TakenDown
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments.models import Money, Outcome, Refund, Why
from tests.auditing import assert_audit_holds
from tests.races.market import Market
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import unlocked_orders


def test_lapse_restore_lapse(market: Market) -> None:
    """Two rounds: held, back, held, back; the history tells all four moves."""
    order = market.ordered(pieces=3)
    seen = [market.counts()]
    for act in (market.lapse, market.restore, market.lapse):
        act(order)
        seen.append(market.counts())
        assert_audit_holds()
    assert seen == [(10, 3, 0), (10, 0, 0), (10, 3, 0), (10, 0, 0)]
    whys = list(OrderEvent.objects.filter(order=order).values_list("why", flat=True))
    assert whys == ["placed", "time", "restored", "time"]
    assert Order.objects.get(pk=order.pk).round == 1


def restored_while_expiring(market: Market) -> None:
    """The buyer presses restore at the very moment the clock takes the order back."""
    order = market.ordered()
    market.over(order)
    with stopped_at("orders.expire.done") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        restoring = start(lambda: market.restore(order))
        settled_or_blocked(restoring)
        stop.release()
        expiring.result()
        answer = restoring.result()
    assert not isinstance(answer, Exception), repr(answer)
    assert market.status(order) == Status.UNPAID
    assert market.counts() == (10, 1, 0)
    assert_audit_holds()


def test_restoring_waits_for_the_clock(market: Market) -> None:
    """What is being taken back is first taken back, then restored whole."""
    restored_while_expiring(market)


def test_control_without_the_lock_restoring_is_refused_wrongly(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without the lock the buyer is told the order never lapsed."""
    monkeypatch.setattr(restoring, "locked_orders", unlocked_orders)
    with pytest.raises(AssertionError, match="NotExpired"):
        restored_while_expiring(market)


Locked = Callable[[Collection[int]], list[Order]]


def stopping_once_locked(lock: Locked) -> Locked:
    """`lock`, and then a place to stop at."""

    def lock_and_stop(ids: Collection[int]) -> list[Order]:
        orders = lock(ids)
        reached("orders.restore.locked")
        return orders

    return lock_and_stop


def restored_in_two_tabs(
    market: Market, monkeypatch: pytest.MonkeyPatch, lock: Locked = locked_orders
) -> None:
    """Both tabs press restore: the second comes while the first has the order in hand."""
    order = market.ordered(pieces=2)
    market.lapse(order)
    monkeypatch.setattr(restoring, "locked_orders", stopping_once_locked(lock))
    with stopped_at("orders.restore.locked") as stop:
        first = start(lambda: market.restore(order))
        stop.wait()
        second = start(lambda: market.restore(order))
        settled_or_blocked(second)
        stop.release()
        answers = [first.result(), second.result()]
    assert_restored_once(market, order, answers)


def assert_restored_once(market: Market, order: Order, answers: list[Any]) -> None:
    """One tab restored it, every other was told that it stands again, nothing is held twice."""
    refused = [answer for answer in answers if isinstance(answer, NotExpired)]
    restored = [answer for answer in answers if isinstance(answer, Order)]
    assert (len(restored), len(refused)) == (1, len(answers) - 1), answers
    assert market.counts() == (10, 2, 0)
    assert Order.objects.get(pk=order.pk).round == 1
    whys = list(OrderEvent.objects.filter(order=order).values_list("why", flat=True))
    assert whys == ["placed", "time", "restored"]
    assert_audit_holds()


def test_an_order_is_restored_once(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them restores it, the other is told that it stands again."""
    restored_in_two_tabs(market, monkeypatch)


def test_an_order_is_restored_once_however_many_tabs(market: Market) -> None:
    """Four tabs on real connections, from one starting line."""
    order = market.ordered(pieces=2)
    market.lapse(order)
    answers = together(*[lambda: market.restore(order)] * 4)
    assert_restored_once(market, order, answers)


def test_control_without_the_locks_it_is_held_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: two tabs that lock neither buyer nor order both restore it."""
    monkeypatch.setattr(restoring, "lock_buyers", lambda ids: None)
    with pytest.raises(AssertionError, match=r"\(2, 0\) == \(1, 1\)"):
        restored_in_two_tabs(market, monkeypatch, lock=unlocked_orders)


def test_paying_a_lapsed_order_revives_it(market: Market) -> None:
    """The piece is still there: the late payment takes it, without asking anybody."""
    order = market.ordered()
    attempt = market.opened(order)
    market.lapse(order)
    assert market.paid(attempt) == Outcome.SETTLED
    assert market.status(order) == Status.PAID
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()


def test_paying_a_lapsed_order_whose_piece_is_gone(market: Market) -> None:
    """Somebody else holds the last pieces: the money goes back by itself, the order stays lapsed."""
    order = market.ordered(pieces=6)
    attempt = market.opened(order)
    market.lapse(order)
    market.ordered(market.buyer("bob"), pieces=5)
    assert market.paid(attempt) == Outcome.RETURNED
    assert market.status(order) == Status.EXPIRED
    attempt.refresh_from_db()
    assert attempt.money == Money.RETURNING
    assert [(r.amount, r.why) for r in Refund.objects.all()] == [(order.payable, Why.LATE)]
    assert market.counts() == (10, 5, 0)
    assert market.paid(attempt) == Outcome.REPEATED
    assert Refund.objects.count() == 1
    assert_audit_holds()


def test_two_late_payments_for_the_last_piece(market: Market) -> None:
    """Two lapsed orders are paid at once for one piece: one is revived, the other's money returns."""
    last = market.goods("scroll", 9900, 1)
    attempts = []
    for name in ("bob", "carol"):
        placed = market.place(market.buyer(name), (last, 1))
        order = Order.objects.get(pk=placed.order_id)
        attempts.append(market.opened(order))
        market.lapse(order)
    outcomes = together(*[lambda a=attempt: market.paid(a) for attempt in attempts])
    assert sorted(outcomes) == [Outcome.RETURNED, Outcome.SETTLED]
    assert market.counts(last) == (0, 0, 1)
    assert_audit_holds()


def test_an_old_cashier_pays_the_restored_order(market: Market) -> None:
    """Money of the first round arrives in the second: it settles the order, and a second one returns."""
    order = market.ordered()
    old = market.opened(order)
    market.lapse(order)
    market.restore(order)
    new = market.opened(Order.objects.get(pk=order.pk))
    assert market.paid(old) == Outcome.SETTLED
    assert market.paid(new) == Outcome.RETURNED
    assert [(r.attempt_id, r.why) for r in Refund.objects.all()] == [(new.pk, Why.SURPLUS)]
    assert market.counts() == (9, 0, 1)
    assert_audit_holds()


def test_restoring_is_refused_where_something_changed(market: Market) -> None:
    """Each refusal names what is in the way, and holds nothing."""
    order = market.ordered(pieces=8)
    market.lapse(order)
    pot = market.pot

    def refused(kind: type[Exception]) -> None:
        with pytest.raises(kind):
            market.restore(order)
        assert market.status(order) == Status.EXPIRED
        assert_audit_holds()

    bobs = market.ordered(market.buyer("bob"), pieces=5)
    refused(OutOfStock)
    market.cancel(bobs)
    type(pot).objects.filter(pk=pot.pk).update(price=1)
    refused(PriceChanged)
    type(pot).objects.filter(pk=pot.pk).update(price=pot.price, on_sale=False)
    refused(TakenDown)
    type(pot).objects.filter(pk=pot.pk).update(on_sale=True)
    market.restore(order)
    assert market.counts() == (10, 8, 0)
    with pytest.raises(NotExpired):
        market.restore(order)


def test_a_course_bought_meanwhile_is_not_restored(market: Market) -> None:
    """The course was bought in another order: restoring would sell it twice."""
    placed = market.place(market.alice, (market.course, 1))
    first = Order.objects.get(pk=placed.order_id)
    market.lapse(first)
    again = Order.objects.get(pk=market.place(market.alice, (market.course, 1)).order_id)
    market.paid(market.opened(again))
    with pytest.raises(AlreadyYours):
        market.restore(first)
    assert Enrolment.objects.count() == 1
    assert_audit_holds()


def two_payments_for_one_course(market: Market) -> None:
    """A lapsed order and a new one, both for the same course, are paid in the same instant."""
    attempts = []
    for n in range(2):
        placed = market.place(market.alice, (market.course, 1))
        order = Order.objects.get(pk=placed.order_id)
        attempts.append(market.opened(order))
        if n == 0:
            market.lapse(order)
    outcomes = together(*[lambda a=attempt: market.paid(a) for attempt in attempts])
    assert outcomes == [Outcome.SETTLED, Outcome.SETTLED]
    first, second = Enrolment.objects.order_by("valid_from")
    assert second.valid_from == first.valid_until
    assert second.valid_until == first.valid_from + timedelta(days=60)
    assert_audit_holds()


def test_two_payments_for_one_course_extend_it(market: Market) -> None:
    """Both count: the second enrolment starts where the first one ends."""
    two_payments_for_one_course(market)


def test_the_window_of_a_restored_order_is_fresh(market: Market) -> None:
    """It does not lapse at its old deadline, and lapses at its new one."""
    order = market.ordered()
    with clock.shifted(timedelta(minutes=16)):
        drain_all()
        assert market.status(order) == Status.EXPIRED
        market.restore(order)
        drain_all()
        assert market.status(order) == Status.UNPAID
        with clock.shifted(timedelta(minutes=14)):
            drain_all()
            assert market.status(order) == Status.UNPAID
        with clock.shifted(timedelta(minutes=16)):
            drain_all()
            assert market.status(order) == Status.EXPIRED
    assert_audit_holds()
