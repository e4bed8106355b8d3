"""Buying from the shelf to "paid", as somebody does who came for it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from shigu.accounts.models import Address, User
from shigu.learning.models import Enrolment
from shigu.orders.models import Order
from tests import goods
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.walker import Kind, Walker


@pytest.mark.both
def test_a_newcomer_buys_a_course(market: Market, walk: Walk, kind: Kind) -> None:
    """A visitor joins on the way, buys a validity, pays at Alipay and finds the course among theirs."""
    walker = walk()
    goods.python_course()
    walker.choose("python-concurrency", place=1)
    walker.press("Buy now")
    walker.sign_up("dora")
    walker.at("/confirm/")
    order = walker.place()
    pay_as_alice(walker, order)
    walker.sees_counted("%(count)s course bought", "%(count)s courses bought", count=1)
    is_told(market, order, kind)
    is_among_orders(walker, order)
    walker.open("/me/courses/")
    expect(walker.page.get_by_role("article")).to_have_count(1)
    assert Enrolment.objects.get(user_id=order.user_id).valid_until is not None


@pytest.mark.both
def test_goods_through_the_cart(market: Market, walk: Walk, kind: Kind, alice: User) -> None:
    """Goods go through the cart to an address entered in place, which is kept for next time."""
    walker = walk(alice)
    slug = market.goods("teapot", pieces=8)
    walker.put_in_cart(slug)
    walker.sees("“%(name)s” is in your cart.", name=walker.named(slug))
    walker.open("/cart/")
    walker.press_more()
    walker.press("Go on to confirm")
    walker.at("/confirm/")
    walker.fill_address()
    order = walker.place()
    assert order.lines.get().quantity == 2
    pay_as_alice(walker, order)
    walker.sees("Paid: your goods are on the list to be shipped")
    is_told(market, order, kind)
    is_among_orders(walker, order)
    assert Address.objects.get(user=alice).street in order.sent_to
    assert market.free(slug) == 6


def pay_as_alice(walker: Walker, order: Order) -> None:
    """From the shop's cashier through Alipay's, and back to the result."""
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()
    walker.at(f"/pay/{order.number}/result/")


def is_told(market: Market, order: Order, kind: Kind) -> None:
    """The provider's notify was accepted, and its trade is of the kind for this browser."""
    number = f"{order.number}_1"
    told = market.sim.wait(lambda: market.sim.attempts(number), what="a notify")
    assert [one["ok"] for one in told] == [True]
    assert market.sim.trade(number)["kind"] == kind.channel  # type: ignore[index]


def is_among_orders(walker: Walker, order: Order) -> None:
    """Under "paid", as paid."""
    walker.open("/me/orders/?tab=paid")
    expect(walker.card(order)).to_be_visible()
    walker.open(f"/me/orders/{order.number}/")
    expect(walker.page.locator("[data-subject]")).not_to_have_attribute("data-state", "unpaid")
