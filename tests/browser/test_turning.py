"""Pages that turn by themselves: by the stream, by the poll where there is none, and after a lost notify."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from shigu.accounts.models import User
from shigu.orders.models import Order, Status
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.walker import Walker


def test_an_open_cashier_turns_by_the_stream(market: Market, walk: Walk, alice: User) -> None:
    """Paid in another window, the cashier in the first becomes the result without being asked."""
    walker = walk(alice)
    first = walker.page
    order = market.order(alice, market.goods("bowl", pieces=3))
    with first.expect_request(re.compile("/events/")):
        walker.open(f"/pay/{order.number}/")
    walker.window()
    walker.open(f"/pay/{order.number}/")
    walker.go_to_provider()
    market.sim.pay(f"{order.number}_1")
    first.wait_for_url(f"{market.url}/pay/{order.number}/result/")
    walker.page = first
    walker.sees("Paid: your goods are on the list to be shipped")


def test_a_row_turns_by_the_stream(market: Market, walk: Walk, alice: User) -> None:
    """In the list only the paid order's own row changes; the page is not loaded again."""
    walker = walk(alice)
    paid, other = (market.order(alice, market.goods("fan", pieces=3)) for _ in range(2))
    market.open_attempt(paid)
    with walker.page.expect_request(re.compile("/events/")):
        walker.open("/me/orders/?tab=all")
    walker.page.evaluate("document.body.dataset.seen = 'before'")
    market.sim.pay(f"{paid.number}_1")
    expect(walker.card(paid)).to_have_attribute("data-state", "to_ship")
    expect(walker.card(paid)).to_contain_text(walker.says("Waits to be shipped."))
    expect(walker.card(other)).to_have_attribute("data-state", "unpaid")
    expect(walker.page.locator("body")).to_have_attribute("data-seen", "before")


def test_without_a_stream_the_poll_tells(market: Market, walk: Walk, alice: User) -> None:
    """With the stream out of reach, and the notify lost, the page asks the shop and the shop asks Alipay."""
    walker = walk(alice)
    walker.context.route("**/events/**", lambda route: route.abort())
    order = market.order(alice, market.goods("caddy", pieces=3))
    market.open_attempt(order)
    market.sim.fault("notify_lost", out_trade_no=f"{order.number}_1")
    walker.open(f"/pay/{order.number}/")
    market.sim.pay(f"{order.number}_1")
    walker.at(f"/pay/{order.number}/result/")
    walker.sees("Paid: your goods are on the list to be shipped")
    assert market.sim.attempts(f"{order.number}_1") == []
    walker.forgives("ERR_FAILED")


def test_a_lost_notify_does_no_harm(market: Market, walk: Walk, alice: User) -> None:
    """Alipay never tells; the browser coming back is reason enough to ask, and the order is paid."""
    walker = walk(alice)
    order = market.order(alice, market.goods("vase", pieces=3))
    market.sim.fault("notify_lost", out_trade_no=f"{order.number}_1")
    pay(walker, order)
    walker.sees("Paid: your goods are on the list to be shipped")
    assert [one["status"] for one in market.sim.notifications(f"{order.number}_1")] == ["lost"]
    order.refresh_from_db()
    assert order.status == Status.PAID


def pay(walker: Walker, order: Order) -> None:
    """All the way through the provider's pages and back."""
    walker.open(f"/pay/{order.number}/")
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()
    walker.at(f"/pay/{order.number}/result/")
