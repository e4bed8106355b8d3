"""A page that is not told what happened on its lot finds out by itself: from the sum that every event carries.

The stream stands, and what it tells of lots never arrives; only beats do.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from shigu.accounts.models import User
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.test_auctions import (
    admitted,
    bids,
    is_same,
    never_turned,
    on_sale,
    page_of,
    shows,
)
from tests.browser.walker import Walker

DEAF = """
window.EventSource = class extends EventSource {
  #heard(event, hear) {
    const lost = (window.deafTo ?? []).includes(event.type);
    if (lost) window.lost = (window.lost ?? 0) + 1; else hear.call(this, event);
  }
  set onmessage(hear) { super.onmessage = event => this.#heard(event, hear); }
  addEventListener(name, hear) { super.addEventListener(name, event => this.#heard(event, hear)); }
};
"""

ASKED = 2500
"""Milliseconds after news in which a page has asked for what only the server can write."""


def loses(market: Market, walk: Walk, people: list[User], *events: str) -> Walker:
    """A visitor's page whose stream stands loses these events from now on, while two people bid elsewhere."""
    lot = on_sale(market)
    for who in people:
        admitted(market, who, lot)
    walker = walk()
    walker.context.add_init_script(DEAF)
    walker.open(page_of(lot))
    never_turned(walker)
    bids(people[0], lot, 2000)
    shows(walker, "20.00")
    # what it asks for by itself after that bid has come: nothing later brings the next one unasked
    expect(walker.page.locator("#lot-log")).to_contain_text("20.00")
    walker.page.wait_for_timeout(ASKED)
    walker.page.evaluate("names => { window.deafTo = names; }", list(events))
    bids(people[1], lot, 4200)
    return walker


def test_a_page_that_missed_the_last_word_asks(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """News of the lot is lost, beats are heard: within three seconds it shows the bid, not loaded again."""
    walker = loses(market, walk, [alice, bob], "message")
    shows(walker, "42.00")
    assert is_same(walker)
    assert walker.page.evaluate("window.lost") >= 1


def test_control_without_beats_it_does_not_know(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """Negative control: told nothing at all, for three seconds it shows what was."""
    walker = loses(market, walk, [alice, bob], "message", "beat")
    with pytest.raises(AssertionError):
        shows(walker, "42.00")
