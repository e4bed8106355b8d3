"""What an order takes of its buyer's coupons and credits, and what comes back when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu import clock
from shigu.catalogue.models import Activity, Product, Sku
from shigu.clock.drain import drain_all
from shigu.kit.errors import Refusal
from shigu.learning.models import Enrolment
from shigu.ledger.models import Event, Transfer
from shigu.orders import refunding
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.errors import (
    AlreadyYours,
    CouponGone,
    CreditsShort,
    NotRunning,
    OfferChanged,
    RunsForEver,
    TotalChanged,
)
from shigu.orders.models import Order, Status
from shigu.payments.models import Refund
from shigu.promotions.models import Grant, GrantState
from tests.auditing import assert_audit_holds
from tests.races.market import POT, Market


def paid(market: Market, order: Order) -> Order:
    """Through the cashier, as told by the provider."""
    market.paid(market.opened(order))
    order.refresh_from_db()
    assert order.status == Status.PAID
    return order


def refused(market: Market, why: type[Refusal], placing: Placing) -> Refusal:
    """Refused, and nothing is held."""
    held = market.counts(), market.credits(market.alice), Order.objects.count()
    with pytest.raises(why) as found:
        place(placing)
    assert (market.counts(), market.credits(market.alice), Order.objects.count()) == held
    assert not Grant.objects.filter(state=GrantState.HELD).exists()
    return found.value


def test_an_order_holds_all_of_it(market: Market) -> None:
    """Pieces, coupon and credits are held, and the order says what each took off."""
    grant = market.grant(market.alice, off=3000)
    market.give(market.alice, 700)
    order = market.ordered(pieces=2, grant=grant, credits=600)
    grant.refresh_from_db()
    assert (grant.state, grant.order_id, grant.due_at) == (GrantState.HELD, order.pk, None)
    assert market.credits(market.alice) == (100, 600)
    assert (order.coupon_off, order.credits, order.credits_off) == (3000, 600, 6000)
    assert order.payable == 2 * POT - 3000 - 6000
    assert_audit_holds()


def test_paying_uses_and_earns(market: Market) -> None:
    """The coupon is used, credits are spent, and each whole yuan paid earns one."""
    grant = market.grant(market.alice)
    market.give(market.alice, 600)
    order = paid(market, market.ordered(grant=grant, credits=500))
    grant.refresh_from_db()
    assert (grant.state, grant.order_id) == (GrantState.USED, order.pk)
    assert order.payable == POT - 3000 - 5000
    assert order.earned == order.payable // 100
    assert market.credits(market.alice) == (100 + order.earned, 0)
    assert_audit_holds()


@pytest.mark.parametrize("end", ["lapse", "cancel"])
def test_all_of_it_comes_back(market: Market, end: str) -> None:
    """Lapsed or cancelled, coupon and credits are the buyer's again, once."""
    grant = market.grant(market.alice)
    market.give(market.alice, 600)
    order = market.ordered(grant=grant, credits=500)
    getattr(market, end)(order)
    grant.refresh_from_db()
    assert (grant.state, grant.order_id, grant.due_at) == (
        GrantState.UNUSED,
        None,
        grant.valid_until,
    )
    assert market.credits(market.alice) == (600, 0)
    assert Transfer.objects.filter(kind=Event.RELEASE, subject=order.pk).count() == 1
    assert_audit_holds()


def test_a_coupon_whose_end_has_passed_comes_back_lapsed(market: Market) -> None:
    """It was held over its end: the order could have been paid with it, another one cannot."""
    soon = clock.now() + timedelta(minutes=5)
    grant = market.grant(market.alice, valid_until=soon)
    order = market.ordered(grant=grant)
    with clock.shifted(timedelta(minutes=20)):
        drain_all()
    grant.refresh_from_db()
    order.refresh_from_db()
    assert (order.status, grant.state, grant.due_at) == (Status.EXPIRED, GrantState.LAPSED, None)
    assert_audit_holds()


def test_somebody_elses_coupon_does_not_exist(market: Market) -> None:
    """Neither another buyer's grant nor one that never was."""
    bobs = market.grant(market.buyer("bob"))
    refused(market, CouponGone, market.placing(market.alice, (market.pot, 1), grant=bobs))
    bobs.pk = 10**9
    refused(market, CouponGone, market.placing(market.alice, (market.pot, 1), grant=bobs))


def test_a_coupon_outside_its_time_is_refused(market: Market) -> None:
    """Before its first moment and from its last one on, whether or not the clock came by."""
    now = clock.now()
    early = market.grant(market.alice, valid_from=now + timedelta(hours=1))
    refused(market, CouponGone, market.placing(market.alice, (market.pot, 1), grant=early))
    late = market.grant(market.alice, valid_until=now - timedelta(seconds=1))
    refused(market, CouponGone, market.placing(market.alice, (market.pot, 1), grant=late))


@pytest.mark.parametrize("credits", [-1, 301, 501])
def test_credits_that_are_not_there_are_refused(market: Market, credits: int) -> None:
    """More than the buyer has, more than the goods take, less than none."""
    market.give(market.alice, 300)
    wrong = market.placing(market.alice, (market.pot, 1), credits=credits)
    refused(market, CreditsShort, wrong)


def test_an_offer_that_ended_is_named(market: Market) -> None:
    """The buyer saw a discount that is over: refused with both prices, nothing held."""
    seen = Choice(market.pot.pk, 1, POT, offered=POT // 2)
    wrong = Placing(market.alice.pk, "k", (seen,), sent_to="Alice, 1 Drum Street")
    found = refused(market, OfferChanged, wrong)
    assert found.fill == {"name": "teapot", "now": "268.00", "seen": "134.00"}


def test_a_total_that_changed_is_refused(market: Market) -> None:
    """Whatever else changed shows in what is to be paid."""
    choice = Choice(market.pot.pk, 1, POT)
    wrong = Placing(market.alice.pk, "k", (choice,), sent_to="Alice", payable=POT - 1)
    refused(market, TotalChanged, wrong)


def test_an_activity_is_frozen_on_the_line(market: Market) -> None:
    """The line keeps list price, price, and the name of what made it."""
    now = clock.now()
    Activity.objects.create(
        kind="discount",
        percent=80,
        name_zh="秋市",
        name_en="Autumn",
        starts_at=now,
        ends_at=now + timedelta(days=1),
    )
    order = market.ordered(pieces=2)
    [line] = order.lines.all()
    assert (line.unit_price, line.price, line.reason) == (POT, 2 * POT * 80 // 100, "discount")
    assert (line.activity_zh, line.activity_en) == ("秋市", "Autumn")
    assert (order.list_total, order.payable) == (2 * POT, line.price)


def test_credits_may_pay_all_of_it_at_once(market: Market) -> None:
    """Nothing left to pay: placed and settled in one, credits spent, nothing earned."""
    cheap = market.goods("stamp", 4000, 5)
    market.give(market.alice, 400)
    placed = market.place(market.alice, (cheap, 1), credits=400)
    order = Order.objects.get(pk=placed.order_id)
    assert (order.status, order.payable, order.earned) == (Status.PAID, 0, 0)
    assert market.credits(market.alice) == (0, 0)
    assert market.counts(cheap) == (4, 0, 1)
    assert_audit_holds()


def test_restored_with_everything(market: Market) -> None:
    """Lapse, restore, lapse: held and back each time, once per round."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    for act, expected in (
        (market.lapse, (500, 0)),
        (market.restore, (0, 500)),
        (market.lapse, (500, 0)),
    ):
        act(order)
        assert market.credits(market.alice) == expected
        assert_audit_holds()
    assert Transfer.objects.filter(kind=Event.RELEASE, subject=order.pk).count() == 2


def test_what_is_gone_is_named_when_restoring(market: Market) -> None:
    """The coupon went into another order, then the credits did: each is said, nothing is held."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    market.lapse(order)
    other = market.ordered(grant=grant)
    with pytest.raises(CouponGone):
        market.restore(order)
    market.cancel(other)
    market.ordered(credits=100)
    with pytest.raises(CreditsShort):
        market.restore(order)
    assert market.credits(market.alice) == (400, 100)
    assert_audit_holds()


@pytest.mark.parametrize("gone", ["coupon", "credits", None])
def test_a_late_payment_takes_all_of_it_again_or_goes_back(
    market: Market, gone: str | None
) -> None:
    """Revived with coupon and credits where both are free; else the money goes back."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = market.ordered(grant=grant, credits=500)
    attempt = market.opened(order)
    market.lapse(order)
    if gone == "coupon":
        market.ordered(grant=grant)
    if gone == "credits":
        market.ordered(credits=1)
    market.paid(attempt)
    assert market.status(order) == (Status.EXPIRED if gone else Status.PAID)
    assert Refund.objects.count() == (1 if gone else 0)
    assert_audit_holds()


def test_a_refund_gives_back_what_was_used(market: Market) -> None:
    """Coupon and credits come back with the money, earned credits are taken back."""
    grant = market.grant(market.alice)
    market.give(market.alice, 500)
    order = paid(market, market.ordered(grant=grant, credits=500))
    refunding.refund(order.pk, by=market.alice.pk)
    assert market.credits(market.alice) == (0, 0)
    assert Refund.objects.get().amount == order.payable
    refunding.refunded([Order.objects.get(pk=order.pk)], now=clock.now())
    grant.refresh_from_db()
    assert (grant.state, grant.order_id) == (GrantState.UNUSED, None)
    assert market.credits(market.alice) == (500, 0)


def test_earned_credits_that_are_spent_are_withheld(market: Market) -> None:
    """What was earned by it and is gone is kept back from the money, at ten for a yuan."""
    order = paid(market, market.ordered())
    earned = order.earned
    assert earned == 268
    market.ordered(credits=200)
    refunding.refund(order.pk, by=market.alice.pk)
    assert market.credits(market.alice) == (0, 200)
    assert Refund.objects.get().amount == order.payable - 2000


def course(market: Market) -> tuple[Product, Sku]:
    """A course that alice has for 30 days, with a price for renewing."""
    sku = market.course
    Sku.objects.filter(pk=sku.pk).update(renewal_price=19900)
    sku.refresh_from_db()
    return sku.product, sku


def renewal(market: Market, sku: Sku, seen: int = 19900) -> Placing:
    return Placing(market.alice.pk, f"renew {seen}", (Choice(sku.pk, 1, seen, renew=True),))


def test_a_renewal_moves_the_end_out(market: Market) -> None:
    """Its own price, and thirty days more from where it ended."""
    _, sku = course(market)
    paid(market, Order.objects.get(pk=market.place(market.alice, (sku, 1)).order_id))
    first = Enrolment.objects.get()
    with pytest.raises(AlreadyYours):
        market.place(market.alice, (sku, 1))
    order = paid(market, Order.objects.get(pk=place(renewal(market, sku)).order_id))
    assert (order.payable, order.lines.get().is_renewal) == (19900, True)
    second = Enrolment.objects.order_by("pk").last()
    assert second
    assert first.valid_until
    assert (second.valid_from, second.valid_until) == (
        first.valid_until,
        first.valid_until + timedelta(days=30),
    )
    assert_audit_holds()


def test_only_what_runs_and_ends_can_be_renewed(market: Market) -> None:
    """Neither what one does not have nor what is for ever."""
    _, sku = course(market)
    refused(market, NotRunning, renewal(market, sku))
    paid(market, Order.objects.get(pk=market.place(market.alice, (sku, 1)).order_id))
    Enrolment.objects.update(valid_until=None)
    refused(market, RunsForEver, renewal(market, sku))


def test_a_lapsed_renewal_is_restored_as_one(market: Market) -> None:
    """The course still runs, and the renewal comes back at its own price."""
    _, sku = course(market)
    paid(market, Order.objects.get(pk=market.place(market.alice, (sku, 1)).order_id))
    order = Order.objects.get(pk=place(renewal(market, sku)).order_id)
    market.lapse(order)
    assert market.restore(order).payable == 19900
