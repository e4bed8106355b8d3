"""Every page, looked at: axe finds nothing in either scheme, nothing is too wide, no console complains."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.deposits import ask_for_lot
from shigu.auctions.models import Award
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order, Status
from tests.browser.conftest import Walk
from tests.browser.hammer import admitted, bids, left, on_sale, page_of
from tests.browser.market import Market
from tests.browser.walker import Walker

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
}
ROOMS = {
    "gate": ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"],
    "window": ["/", "/courses/", "/goods/", "/search/?q=茶", "/search/?q=nothing-like-this"],
    "products": ["/p/python-concurrency/", "/p/wood-fired-teapot/", "/p/no-such-thing/"],
    "centre": ["/me/", "/me/courses/", "/me/addresses/", "/me/profile/", "/me/security/"],
    "nothing yet": ["/cart/", "/me/orders/", "/me/courses/", "/me/addresses/"],
}


@pytest.mark.parametrize("room", ROOMS)
def test_pages_anybody_reaches(market: Market, walk: Walk, alice: User, room: str) -> None:
    """The window, the gate, and the centre with and without something in it."""
    walker = walk(None if room in ("gate", "window", "products") else alice)
    if room == "centre":
        market.address(alice)
        market.order(alice, market.goods("scarf", pieces=3))
        market.buys_course(alice)
    for path in ROOMS[room]:
        walker.open(path)
        looks_right(walker)
    walker.forgives("404" if room == "products" else "^$")


def test_pages_on_the_way_to_an_order(market: Market, walk: Walk, alice: User) -> None:
    """Cart, confirm with a refusal and without, cashier, the provider's cashier, waiting, result."""
    walker = walk(alice)
    market.address(alice)
    walker.put_in_cart(market.goods("incense", pieces=5))
    walker.put_in_cart("python-concurrency", place=1)
    for path in ("/cart/", "/confirm/"):
        walker.open(path)
        looks_right(walker)
    order = walker.place()
    looks_right(walker)
    walker.open(f"/pay/{order.number}/result/")
    looks_right(walker)
    market.open_attempt(order)
    market.sim.pay(f"{order.number}_1")
    market.wait(lambda: Order.objects.get(pk=order.pk).status == Status.PAID)
    for path in (f"/pay/{order.number}/result/", f"/me/orders/{order.number}/"):
        walker.window()
        walker.open(path)
        looks_right(walker)


def test_pages_of_orders_that_ended(market: Market, walk: Walk, alice: User) -> None:
    """The list with a row of each kind, "time's up", "cancelled", and an order of each."""
    walker = walk(alice)
    slug = market.goods("umbrella", pieces=9)
    lapsed, dropped = market.order(alice, slug), market.order(alice, slug, pieces=2)
    cancel(dropped.pk, by=alice.pk)
    market.pass_time(minutes=16)
    market.wait(lambda: Order.objects.get(pk=lapsed.pk).status == Status.EXPIRED)
    waiting = market.order(alice, slug)
    assert waiting.pay_by > clock.now()
    for path in (
        "/me/orders/",
        f"/pay/{lapsed.number}/",
        f"/pay/{dropped.number}/",
        f"/me/orders/{lapsed.number}/",
    ):
        walker.open(path)
        looks_right(walker)


def test_pages_of_auctions(market: Market, walk: Walk, alice: User, bob: User) -> None:
    """Sessions, a lot before its deposit, its cashier, leading, outbid, my bids, deposits, the rules."""
    lot = on_sale(market)
    there, session = page_of(lot), f"/auctions/{lot.session.slug}/"
    admitted(market, bob, lot)
    visitor, walker = walk(None), walk(alice)
    for path in ("/auctions/", "/auctions/?tab=coming", session, there, "/help/auctions/"):
        visitor.open(path)
        looks_right(visitor)
    walker.open(there)
    looks_right(walker)
    asked = ask_for_lot(alice.pk, lot.pk, key="looking")
    for path in (there, f"/me/deposits/{asked.number}/"):
        walker.open(path)
        looks_right(walker)
    admitted(market, alice, lot)
    for who in (alice, bob):
        bids(who, lot, 4000 if who == alice else 5000)
        walker.open(there)
        looks_right(walker)
    for path in (f"/me/deposits/{asked.number}/result/", "/me/bids/", "/me/bids/?tab=deposits"):
        walker.open(path)
        looks_right(walker)


def test_pages_of_what_was_won(market: Market, walk: Walk, alice: User) -> None:
    """The lot sold, where it goes, the list of what was won, the session that ended."""
    lot = on_sale(market)
    admitted(market, alice, lot)
    bids(alice, lot, 4000)
    market.pass_time(seconds=left(lot) + 1)
    market.wait(lambda: Award.objects.filter(lot_id=lot.pk).exists())
    won = Award.objects.select_related("order").get(lot_id=lot.pk)
    walker = walk(alice)
    for path in (
        page_of(lot),
        f"/me/won/{won.order.number}/",
        "/me/bids/?tab=won",
        "/me/bids/",
        f"/auctions/{lot.session.slug}/",
    ):
        walker.open(path)
        looks_right(walker)


def looks_right(walker: Walker) -> None:
    """Light and dark: not one violation of WCAG 2 A and AA."""
    page = walker.page
    page.evaluate(Axe().axe_script)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        told: dict[str, Any] = page.evaluate("rules => axe.run(rules)", WCAG)
        said = [
            f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}"
            for one in told["violations"]
        ]
        assert said == [], f"{page.url} {scheme}"
        assert "color-contrast" in {one["id"] for one in told["passes"]}, "axe looked at nothing"
