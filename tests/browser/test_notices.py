"""Notices walked in a browser: a badge that moves by itself, entries that lead to orders, mails chosen."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from shigu.accounts.models import User
from shigu.notices import choosing, inbox
from tests.browser.conftest import Walk
from tests.browser.market import Market


def test_the_badge_moves_by_itself_and_the_list_tells(
    market: Market, walk: Walk, alice: User
) -> None:
    """The order lapses while its page is open: the badge counts one more, the list says what came back."""
    order = market.order(alice, market.goods("bowl", pieces=3))
    walker = walk(alice)
    walker.open("/me/orders/")
    badge = walker.page.locator("[data-unread]:visible [data-unread-count]").first
    expect(badge).to_have_text("1")
    walker.page.evaluate("document.body.dataset.seen = 'before'")
    market.pass_time(minutes=16)
    expect(badge).to_have_text(
        re.compile("[23]")
    )  # lapsed; and reminded, where the clock was quicker
    expect(walker.page.locator("body")).to_have_attribute("data-seen", "before")
    walker.open("/me/notices/")
    entry = walker.page.locator(".notice").first
    expect(entry).to_contain_text(order.number)
    expect(entry).to_contain_text(walker.says("Nothing was charged."))
    walker.fits()
    entry.locator(".notice-act").click()
    walker.at(f"/me/orders/{order.number}/")
    walker.open("/me/notices/")
    walker.page.get_by_role("button", name=walker.says("Mark all as read")).click()
    walker.at("/me/notices/")
    expect(walker.page.locator("[data-unread]:visible")).to_have_count(0)
    assert inbox.unread(alice.pk) == 0


def test_mails_are_chosen(market: Market, walk: Walk, alice: User) -> None:
    """A kind is switched off with a tick, and the next page says so."""
    walker = walk(alice)
    walker.open("/me/profile/")
    walker.page.get_by_label(walker.says("An order is placed")).uncheck()
    walker.page.get_by_role("button", name=walker.says("Save the choice")).click()
    walker.sees("Your choice of mails is saved.")
    expect(walker.page.get_by_label(walker.says("An order is placed"))).not_to_be_checked()
    assert choosing.wanted(alice.pk)["order.placed"] is False
    assert choosing.wanted(alice.pk)["order.paid"] is True
