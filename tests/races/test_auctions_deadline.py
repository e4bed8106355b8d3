"""The deadline of what was won meets payments: in the last second, told late, twice, fifty at once, a thousand.

What counts is the provider's own instant, whenever it is learnt; nobody is both paid and forfeited, and no
payment is lost. Where a guard is taken away the same meeting must break something.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from shigu import clock
from shigu.auctions import arranging
from shigu.auctions.models import Award, AwardState, LotState
from shigu.auctions.paying import LotOrders
from shigu.clock.drain import drain, drain_all
from shigu.orders import handlers
from shigu.orders.models import Order, Shipment
from shigu.payments.models import Attempt, Outcome, Refund, Why
from shigu.payments.provider import Standing
from tests.auctions.house import Alipay
from tests.auctions.sale import (
    HOME,
    HOUR,
    Sale,
    answer,
    deposit,
    go_to,
    opened,
    paid,
    people,
    person,
    state,
    status,
)
from tests.auditing import assert_audit_holds
from tests.races.market import dice, rounds
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import unlocked_orders

SECOND = timedelta(seconds=1)


def expire_while_paying(market_of: Callable[[], Award]) -> None:
    """The notify has the order when the clock would let it lapse."""
    found = market_of()
    attempt = opened("order", found.order_id, found.user)
    go_to(found.pay_by + HOUR, ring=False)
    Order.objects.filter(pk=found.order_id).update(due_at=found.pay_by)  # as after a definite no
    with stopped_at("auctions.award.paid") as stop:
        paying = start(lambda: paid(attempt, found.pay_by - SECOND))
        stop.wait()
        expiring = start(lambda: drain("orders.expire"))
        settled_or_blocked(expiring)
        stop.release()
        outcome, expired = paying.result(), expiring.result()
    assert (outcome, expired.claimed) == (Outcome.SETTLED, 0), (outcome, expired)
    drain_all()
    assert (state(found.lot), status(found.order)) == (LotState.PAID, 1)
    assert_audit_holds()


def won() -> Award:
    """Bob won a lot, with a deposit, and said where it goes."""
    sale = Sale({"deposit": 1000})
    sale.publish()
    deposit(person("bob"), lot=sale.lots[0])
    go_to(sale.session.opens_at)
    found = sale.sold(sale.lots[0], person("bob"), 5000)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    return found


def test_a_lot_is_not_overdue_while_it_is_being_paid(house: Alipay) -> None:
    """The clock passes by what a payment has in hand."""
    expire_while_paying(won)


def test_a_payment_while_the_lot_goes_overdue(
    house: Alipay,
) -> None:
    """The clock has the order: the payment waits, and goes back; never both paid and forfeited."""
    pay_while_expiring()


def pay_while_expiring() -> None:
    """The payment comes while the clock lets the order lapse."""
    found = won()
    attempt = opened("order", found.order_id, found.user)
    go_to(found.pay_by + HOUR, ring=False)
    Order.objects.filter(pk=found.order_id).update(due_at=found.pay_by)
    with stopped_at("auctions.award.ended") as stop:
        expiring = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: paid(attempt, found.pay_by - SECOND))
        settled_or_blocked(paying)
        stop.release()
        expiring.result()
        outcome = paying.result()
    assert outcome == Outcome.RETURNED, outcome
    drain_all()
    assert (state(found.lot), status(found.order)) == (LotState.OVERDUE, 3)
    assert_audit_holds()


def test_control_without_the_order_lock_it_is_paid_and_forfeited(
    house: Alipay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: settling without locking order and lot first pays what is being forfeited."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    monkeypatch.setattr(LotOrders, "lock", lambda self, ids: None)
    with pytest.raises(AssertionError, match=r"SETTLED == Outcome\.RETURNED"):
        pay_while_expiring()


class Winners:
    """Ten people with a deposit of ¥100 for all lots won ten lots each (a hundred in a deep run)."""

    def __init__(self, each: int) -> None:
        self.sale = Sale(*[{"deposit": 100} for _ in range(10 * each)], deposit=100 * 10 * each)
        self.sale.publish()
        self.people = people(10)
        self.deposits = [deposit(who, session=self.sale.session) for who in self.people]
        go_to(self.sale.session.opens_at)
        for nth, lot in enumerate(self.sale.lots):
            self.sale.bid(lot, self.people[nth % 10], 5000)
        go_to(self.sale.session.closes_at)
        Order.objects.update(sent_to=HOME)
        self.awards = list(Award.objects.select_related("order", "user").order_by("pk"))
        self.pay_by = {one.pk: one.pay_by for one in self.awards}  # each batch has its own moment
        self.attempts = {one.pk: opened("order", one.order_id, one.user) for one in self.awards}


def told_until_heard(attempt: Attempt, moment: datetime | None) -> None:
    """As a provider does: a notify that nobody answered is told again."""
    for _ in range(20):
        try:
            paid(attempt, moment)
        except OperationalError:  # waited too long for a lock on a busy machine
            continue
        return
    raise AssertionError(f"nobody heard of {attempt}")


def around_the_deadline(house: Alipay, each: int) -> None:
    """Ten times `each` payments within two seconds of the deadline, told late, twice, or only when asked,

    while the clock lets orders lapse.
    """
    chance = dice(24)
    found = Winners(each)
    truth: dict[int, datetime | None] = {}
    for one in found.awards:
        moment = one.pay_by + timedelta(seconds=chance.uniform(-2, 2))
        truth[one.pk] = moment if chance.random() < 0.8 else None
        standing = Standing.PAID if truth[one.pk] else Standing.NOT_CREATED
        attempt = found.attempts[one.pk]
        house.of[attempt.out_trade_no] = answer(attempt, standing, truth[one.pk])
    told = [pk for pk, moment in truth.items() if moment and chance.random() < 0.7] * 2
    chance.shuffle(told)
    go_to(min(found.pay_by.values()) - SECOND, ring=False)

    def tell(share: list[int]) -> None:
        for pk in share:
            told_until_heard(found.attempts[pk], truth[pk])

    def ring() -> None:
        for _ in range(4):
            clock.shift(timedelta(seconds=12))
            drain_all()

    sides = [start(lambda s=told[n::4]: tell(s)) for n in range(4)]
    assert [side.result(within=600) for side in [*sides, start(ring)]] == [None] * 5
    go_to(max(found.pay_by.values()) + HOUR)
    check(found, truth)
    assert_audit_holds()


def test_payments_around_the_deadline(house: Alipay) -> None:
    """A hundred payments (deep: a thousand): what was paid in time is paid, what was late goes back."""
    around_the_deadline(house, each=len(rounds(10, 100)))


@pytest.mark.parametrize(
    ("is_late", "wrong"),
    [
        (lambda self, order, paid_at: False, "left"),  # paid, and should not be
        (lambda self, order, paid_at: clock.now() > order.pay_by, "right"),
    ],
    ids=["whatever comes counts", "by the moment of learning"],
)
def test_control_another_rule_of_lateness_is_found_out(
    house: Alipay, monkeypatch: pytest.MonkeyPatch, is_late: Callable[..., bool], wrong: str
) -> None:
    """Negative control: any other instant than the provider's own pays or forfeits the wrong ones."""
    monkeypatch.setattr(LotOrders, "is_late", is_late)
    with pytest.raises(AssertionError, match=f"Extra items in the {wrong} set"):
        around_the_deadline(house, each=2)


def check(found: Winners, truth: dict[int, datetime | None]) -> None:
    """Every award is what its payment's own instant says, and every fen is somewhere."""
    in_time = {pk for pk, moment in truth.items() if moment and moment <= found.pay_by[pk]}
    late = {pk for pk, moment in truth.items() if moment and moment > found.pay_by[pk]}
    assert in_time
    assert late
    states: dict[int, Any] = dict(Award.objects.values_list("pk", "state"))
    assert {pk for pk, one in states.items() if one == AwardState.PAID} == in_time
    assert {
        pk for pk, one in states.items() if one == AwardState.OVERDUE
    } == states.keys() - in_time
    assert not Award.objects.filter(state=AwardState.PAID, forfeited__gt=0).exists()
    back = Refund.objects.filter(why=Why.LATE).values_list("attempt_id", flat=True)
    assert sorted(back) == sorted(found.attempts[pk].pk for pk in late)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(forfeited), sum(returned), sum(amount) FROM auctions_deposit")
        forfeited, returned, all_of_it = cursor.fetchone()
    assert forfeited == 100 * (len(truth) - len(in_time))
    assert forfeited + returned == all_of_it


# -- fifty at once ------------------------------------------------------------------------------------


def test_fifty_settlers_at_once(house: Alipay) -> None:
    """Two cashiers of one award, each told twenty-five times at once: paid once, the other goes back once."""
    found = won()
    attempts = [opened("order", found.order_id, found.user, form) for form in ("page", "wap")]
    told = together(*[lambda one=one: told_until_heard(one, None) for one in attempts * 25])
    assert told == [None] * 50, told
    drain_all()
    assert state(found.lot) == LotState.PAID
    assert Award.objects.get().state == AwardState.PAID
    assert (Order.objects.count(), Shipment.objects.count()) == (1, 1)
    back = Refund.objects.values_list("why", "amount").order_by("why")
    assert list(back) == [(Why.DEPOSIT, 1000), (Why.SURPLUS, 5000)]
    assert_audit_holds()
