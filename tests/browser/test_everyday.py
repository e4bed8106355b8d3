"""The rest of a day at the market: two windows, no scripts, another language, dark, other people's orders."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from shigu.accounts.models import User
from shigu.ops.seeding.people import PASSWORD
from shigu.orders.models import CartLine, Order, Status
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.walker import Kind


def test_two_windows_place_one_cart_once(market: Market, walk: Walk, alice: User) -> None:
    """The same cart confirmed in two windows at once is one order, and both windows end at it."""
    walker = walk(alice)
    slug = market.goods("inkstone", pieces=9)
    market.address(alice)
    walker.put_in_cart(slug)
    walker.sees("“%(name)s” is in your cart.", name=walker.named(slug))
    one, two = walker.page, walker.window()
    for window in (one, two):
        walker.page = window
        walker.open("/confirm/")
    for window in (one, two):
        walker.page = window
        walker.act("#place")
    numbers = set()
    for window in (one, two):
        walker.page = window
        walker.at("/pay/")
        numbers.add(walker.order().number)
    assert numbers == set(Order.objects.filter(user=alice).values_list("number", flat=True))
    assert len(numbers) == 1
    assert not CartLine.objects.filter(user=alice).exists()
    assert market.free(slug) == 8


def test_all_of_it_without_scripts(market: Market, walk: Walk, alice: User) -> None:
    """Browse, cart, confirm, place and pay with scripts switched off."""
    walker = walk(alice, java_script_enabled=False)
    page = walker.page
    slug = market.goods("brush", pieces=4)
    walker.open("/goods/?sort=new")
    page.locator(f"a[href='/p/{slug}/']").first.click()
    walker.press("Add to cart")
    walker.sees("“%(name)s” is in your cart.", name=walker.named(slug))
    walker.open("/cart/")
    page.fill("input[name=quantity]", "2")
    page.locator("form[action$='/quantity/'] button.no-js").click()
    expect(page.locator("input[name=quantity]")).to_have_value("2")
    walker.press("Go on to confirm")
    walker.at("/confirm/")
    walker.fill_address()
    order = walker.place()
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()
    walker.at(f"/pay/{order.number}/result/")
    market.wait(lambda: Order.objects.get(pk=order.pk).status == Status.PAID)
    walker.open(f"/pay/{order.number}/result/")
    walker.sees("Paid: your goods are on the list to be shipped")
    assert market.free(slug) == 2


def test_the_language_holds(market: Market, walk: Walk, alice: User) -> None:
    """Switched at the foot of a page, the other language stays from the shelf to the cashier and back."""
    walker = walk(alice)
    slug = market.goods("lantern", pieces=4)
    market.address(alice)
    walker.open(f"/p/{slug}/")
    walker.language = "en" if walker.language == "zh-hans" else "zh-hans"
    walker.page.locator(f"button[name=language][value={walker.language}]").click()
    expect(walker.page.locator("html")).to_have_attribute("lang", walker.language)
    walker.buy_now(slug)
    walker.sees("Confirm your order")
    walker.place()
    walker.sees("How to pay")
    walker.open("/me/orders/")
    walker.sees("My orders")
    walker.page.locator(f"button[name=language][value={walker.kind.language}]").click()
    expect(walker.page.locator("html")).to_have_attribute("lang", walker.kind.language)


def test_the_scheme_holds(market: Market, walk: Walk) -> None:
    """Dark once, dark on the next page, and light again; each is really painted so."""
    walker = walk()
    walker.open("/")
    painted = "getComputedStyle(document.body).backgroundColor"
    light = walker.page.evaluate(painted)
    walker.press("Dark")
    walker.open("/courses/")
    expect(walker.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert walker.page.evaluate(painted) != light
    walker.press("Light")
    walker.open("/")
    assert walker.page.evaluate(painted) == light


@pytest.mark.both
def test_guarded_pages_lead_back(market: Market, walk: Walk, kind: Kind) -> None:
    """A guarded page asks for a sign-in and then is there; after signing out it is guarded again."""
    walker = walk()
    walker.open("/me/orders/?tab=paid")
    walker.at("/accounts/login/")
    walker.sign_in("alice", "not her password")
    expect(walker.page.locator("[role=alert], .errorlist, .note.run").first).to_be_visible()
    walker.sign_in("alice", PASSWORD)
    walker.at(r"/me/orders/\?tab=paid")
    walker.sees("My orders")
    if kind.is_phone:
        walker.open("/me/")
    else:
        walker.page.locator("details.menu summary").click()
    walker.press("Sign out")
    walker.at("/$")
    walker.open("/me/orders/")
    walker.at("/accounts/login/")


def test_other_peoples_orders_do_not_exist(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """Bob opens the addresses of alice's order: there is nothing, and nothing happens to it."""
    order = market.order(alice, market.goods("burner", pieces=2))
    before = Order.objects.filter(pk=order.pk).values().get()
    walker = walk(bob)
    for path in (
        f"/me/orders/{order.number}/",
        f"/pay/{order.number}/",
        f"/pay/{order.number}/result/",
    ):
        walker.open(path)
        walker.sees("There is nothing here")
    walker.forgives("404")
    assert Order.objects.filter(pk=order.pk).values().get() == before
