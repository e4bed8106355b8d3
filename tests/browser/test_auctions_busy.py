"""A page that is told that it asks too often waits as long as it was told, and goes on."""

from __future__ import annotations

import time

from playwright.sync_api import Route

from shigu.accounts.models import User
from tests.browser.conftest import Walk
from tests.browser.hammer import (
    admitted,
    bids,
    is_same,
    never_turned,
    on_sale,
    page_of,
    shows,
)
from tests.browser.market import Market

REST = 4
"""Seconds for which the shop wants to be left alone."""


def test_a_page_that_asks_too_often_waits_and_goes_on(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """No stream, and 429 to the first question: the next one comes when it may, and shows the bid."""
    lot = on_sale(market)
    admitted(market, bob, lot)
    walker = walk(alice)
    asked: list[float] = []

    def refuse_the_first(route: Route) -> None:
        asked.append(time.monotonic())
        if len(asked) > 1:
            route.continue_()
        else:
            route.fulfill(status=429, headers={"Retry-After": str(REST)})

    walker.context.route("**/events/**", lambda route: route.abort())
    walker.context.route("**/lots/now/**", refuse_the_first)
    walker.open(page_of(lot))
    never_turned(walker)
    bids(bob, lot, 4200)
    shows(walker, "42.00", 15_000)
    assert asked[1] - asked[0] >= REST
    assert is_same(walker)
    walker.forgives("ERR_FAILED", "429")
