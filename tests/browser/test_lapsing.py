"""What comes back: when the time is up, when the buyer cancels, and when money arrives after that."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from shigu.accounts.models import User
from shigu.orders.models import Order, Status
from shigu.payments.models import Attempt, Refund, RefundState
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.walker import Walker


def test_time_runs_out_while_one_looks(market: Market, walk: Walk, alice: User) -> None:
    """The cashier becomes "time's up" by itself and says what came back; restored, the order is paid."""
    walker = walk(alice)
    slug = market.goods("teapot", pieces=3)
    order = market.order(alice, slug, pieces=2)
    assert market.free(slug) == 1
    walker.open(f"/pay/{order.number}/")
    market.until_left(order, seconds=5)
    # looked at again, it asks what time it is
    walker.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(walker.page.locator(".drum b")).to_have_text(re.compile("00:0[1-5]"))
    walker.sees("Time's up")
    went_back(walker, pieces=2)
    walker.sees("Nothing was charged.")
    walker.open(f"/p/{slug}/")
    walker.sees_counted("%(left)s left", "%(left)s left", left=3)
    walker.open("/me/orders/?tab=expired")
    expect(walker.card(order).locator(".chip")).to_have_text(
        walker.says("Expired", context="order")
    )
    went_back(walker, pieces=2)
    walker.press("Restore", within=walker.card(order))
    walker.at(f"/pay/{order.number}/")
    assert market.free(slug) == 1
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()
    walker.at(f"/pay/{order.number}/result/")
    walker.sees("Paid: your goods are on the list to be shipped")


@pytest.mark.parametrize("scanned", [False, True], ids=["page-open", "logged-in"])
def test_cancelled_while_the_provider_waits(
    market: Market, walk: Walk, alice: User, scanned: bool
) -> None:
    """Cancelled in another window: the provider's page is closed, or what is paid there comes back."""
    walker = walk(alice)
    slug = market.goods("seal", pieces=1)
    order = market.order(alice, slug)
    walker.open(f"/pay/{order.number}/")
    walker.go_to_provider()
    if scanned:
        walker.log_in_there()
    provider = walker.page
    walker.window()
    cancel_in_orders(walker, order)
    assert market.free(slug) == 1
    walker.page = provider
    if scanned:
        market.wait(lambda: market.trade(order)["status"] == "TRADE_CLOSED")
        walker.pay_there()
        expect(provider.locator("form[action$='/pay']")).to_have_count(0)
        walker.forgives("409")
        assert market.trade(order)["paid_at"] is None
        assert not Refund.objects.filter(attempt__subject_id=order.pk).exists()
    else:
        asked = Attempt.objects.filter(purpose="order", subject_id=order.pk).exclude(last_answer="")
        market.wait(asked.exists)  # nothing to close yet: not asked again before it is paid there
        walker.log_in_there()
        walker.pay_there()
        walker.at(f"/pay/{order.number}/result/")
        is_sent_back(market, walker, order)
    order.refresh_from_db()
    assert order.status == Status.CANCELLED
    assert market.free(slug) == 1


def test_a_late_payment_revives_the_order(market: Market, walk: Walk, alice: User) -> None:
    """The time was up, the piece is still there: the money that arrives late buys it."""
    walker = walk(alice)
    slug = market.goods("comb", pieces=1)
    order = paid_without_a_word(market, walker, slug)
    market.sim.clear_faults()
    market.sim.release(f"{order.number}_1")
    market.wait(lambda: fresh(order).status == Status.PAID)
    walker.open(f"/me/orders/{order.number}/")
    walker.sees("Your payment arrived after the time was up; the order came back to life")
    assert (market.free(slug), Refund.objects.filter(attempt__subject_id=order.pk).count()) == (
        0,
        0,
    )


def test_a_late_payment_goes_back_where_the_piece_is_gone(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """Somebody else has it meanwhile: the whole sum goes back by itself, and the buyer reads so."""
    walker = walk(alice)
    slug = market.goods("flute", pieces=1)
    order = paid_without_a_word(market, walker, slug)
    theirs = market.order(bob, slug)
    market.sim.clear_faults()
    market.sim.release(f"{order.number}_1")
    is_sent_back(market, walker, order)
    assert fresh(order).status == Status.EXPIRED
    assert fresh(theirs).status == Status.UNPAID


def paid_without_a_word(market: Market, walker: Walker, slug: str) -> Order:
    """Paid in time, but no notify and no answer come through until the order has lapsed."""
    assert walker.user
    order = market.order(walker.user, slug)
    market.open_attempt(order)
    number = f"{order.number}_1"
    market.sim.fault("notify_delayed", out_trade_no=number)
    market.sim.fault("gateway_500", out_trade_no=number)
    market.sim.pay(number)
    market.pass_time(minutes=15, seconds=1)
    walker.open(f"/pay/{order.number}/")
    walker.sees(
        "We are asking Alipay whether your payment came in time. This page turns by itself."
    )
    market.pass_time(minutes=31)
    walker.sees("Time's up")
    walker.sees("Should a payment still arrive, it goes back to you by itself.")
    assert market.free(slug) == 1
    return order


def cancel_in_orders(walker: Walker, order: Order) -> None:
    """From the list, with the question answered; once "not now", once yes."""
    walker.open("/me/orders/?tab=unpaid")
    for answer in ("Not now", "Yes, go ahead"):
        walker.press("Cancel", within=walker.card(order))
        walker.sees("Cancel this order? Everything it holds comes back at once.")
        walker.press(answer, within=walker.page.get_by_role("dialog"))
    walker.sees("The order is cancelled. Everything it held has come back.")
    walker.open("/me/orders/?tab=cancelled")
    expect(walker.card(order).locator(".chip")).to_have_text(walker.says("Cancelled"))


def is_sent_back(market: Market, walker: Walker, order: Order) -> None:
    """The refund is on its way by itself, arrives, and the buyer's page says so in words."""
    market.wait(lambda: refund(order) is not None)
    walker.window()
    walker.open(f"/pay/{order.number}/")
    walker.sees("Your money goes back to you")
    market.wait(lambda: refund(order).state == RefundState.SENT)
    walker.open(f"/me/orders/{order.number}/")
    shown = walker.says("¥%(amount)s went back by the original route %(when)s.")
    expect(
        walker.page.get_by_text(shown.split("%(when)s")[0] % {"amount": "268.00"})
    ).to_be_visible()
    assert refund(order).amount == order.payable
    assert market.trade(order)["refunded"] == order.payable


def went_back(walker: Walker, pieces: int) -> None:
    """The sentence that is the product."""
    note = walker.page.locator(".came-back").first
    one, many = (
        "%(count)d piece went back on the shelf %(when)s.",
        "%(count)d pieces went back on the shelf %(when)s.",
    )
    expect(note).to_contain_text(walker.counted(one, many, pieces))


def refund(order: Order) -> Any:
    return Refund.objects.filter(attempt__subject_id=order.pk).first()


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)
