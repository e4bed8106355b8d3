"""Bidding in browsers: two people on one lot, live; a soft close; what was won is paid, the other deposit back.

A page that loses its stream, the answer to a bid, or the right time of day shows the truth all the same.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Route, expect

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.models import (
    Award,
    AwardState,
    Bid,
    Bidding,
    DepositState,
    Lot,
    LotState,
)
from shigu.notices.models import Notice
from shigu.payments.models import Refund, RefundState
from tests.auditing import assert_audit_holds
from tests.browser.conftest import Walk
from tests.browser.hammer import (
    DEPOSIT,
    LIVE,
    admitted,
    asks,
    bids,
    counts_to,
    is_same,
    left,
    never_turned,
    on_sale,
    page_of,
    shows,
    stands,
)
from tests.browser.market import Market
from tests.browser.walker import Walker


@pytest.mark.both
def test_two_outbid_each_other_live_and_the_winner_pays(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """Each sees the other's bid at once, a late one moves both ends; won, paid, the loser's deposit back."""
    lot = on_sale(market)
    lost = admitted(market, bob, lot)
    admitted(market, alice, lot)
    one, other = walk(alice), walk(bob)
    for walker in (one, other):
        walker.open(page_of(lot))
        shows(walker, "10.00")
        never_turned(walker)
    one.act("#bid")
    stands(one, "leading")
    asks(other, "11.00")
    other.act("#bid")
    stands(other, "leading")
    shows(one, "11.00")
    stands(one, "outbid")
    assert is_same(one)
    assert is_same(other)
    late_bid_moves_both(market, lot, one, other)
    heard = Notice.objects.filter(user=bob)
    market.wait(heard.filter(event="lot.outbid").exists)  # nobody is told of it once it is over
    market.pass_time(seconds=left(lot) + 1)
    market.wait(lambda: Bidding.objects.get(pk=lot.pk).state == LotState.SOLD)
    wins_and_pays(market, lot, one)
    back = Refund.objects.filter(attempt__purpose="deposit", attempt__subject_id=lost.pk)
    market.wait(back.filter(state=RefundState.SENT).exists)
    lost.refresh_from_db()
    assert (lost.state, lost.returned) == (DepositState.DECIDED, DEPOSIT)
    market.wait(heard.filter(event="deposit.returned").exists)
    sees_it_back(other, lot)
    assert_audit_holds()


def late_bid_moves_both(market: Market, lot: Lot, one: Walker, other: Walker) -> None:
    """A minute before the end one bids: two minutes more, on both pages."""
    market.pass_time(seconds=left(lot) - 60)
    before = Bidding.objects.get(pk=lot.pk).closes_at
    one.act("#bid")
    stands(one, "leading")
    after = Bidding.objects.get(pk=lot.pk).closes_at
    assert after > before
    for walker in (one, other):
        market.wait(partial(counts_to, walker, after.timestamp() * 1000))
        walker.fits()


def wins_and_pays(market: Market, lot: Lot, walker: Walker) -> None:
    """From the lot's page to the address, the cashier and Alipay."""
    link = walker.page.locator("a[href*='/me/won/']").filter(visible=True).first
    expect(link).to_be_visible()
    link.click()
    walker.at("/me/won/")
    walker.fill_address()
    walker.act("#settle")
    walker.at("/pay/")
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()
    walker.page.wait_for_url(re.compile("/result/"))
    market.wait(lambda: Award.objects.get(lot_id=lot.pk).state == AwardState.PAID)


def sees_it_back(walker: Walker, lot: Lot) -> None:
    """The loser reads on the lot's page that it went to another, and among the deposits that all is back."""
    stands(walker, "not_won", 8_000)
    walker.fits()
    walker.open("/me/bids/?tab=deposits")
    walker.sees("¥%(amount)s came back by the original route", amount=f"{DEPOSIT // 100}.00")
    walker.open("/me/bids/")
    walker.sees("Somebody else got it")


def test_a_bid_whose_answer_is_lost_counts_once(market: Market, walk: Walk, alice: User) -> None:
    """The line breaks after the bid arrived: it is asked for under its key, and the page says that it leads."""
    lot = on_sale(market)
    admitted(market, alice, lot)
    walker = walk(alice)
    walker.open(page_of(lot))
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.extend(parse_qs(route.request.post_data or "")["key"])
        if len(keys) > 1:
            route.continue_()
        else:
            route.fetch()
            route.abort()

    walker.page.route("**/bid", lose_the_first)
    walker.act("#bid")
    # that it leads the stream tells too, and maybe sooner: only an answer says that the bid was good
    answer = walker.page.locator("#bid [data-said]")
    expect(answer).to_have_attribute("data-level", "good", timeout=8_000)
    stands(walker, "leading", 8_000)
    assert len(keys) > 1
    assert len(set(keys)) == 1
    assert Bid.objects.filter(lot_id=lot.pk).count() == 1
    walker.forgives("ERR_FAILED")


def test_a_leader_who_raises_the_maximum_reads_the_new_one(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """No price moves and nobody else is told; the leader's own page says it, and is not loaded again."""
    lot = on_sale(market)
    for who in (alice, bob):
        admitted(market, who, lot)
    walker, other = walk(alice), walk(bob)
    for each in (walker, other):
        each.open(page_of(lot))
        never_turned(each)
    led = "You lead, and the house bids for you up to ¥%(maximum)s. Others need ¥%(least)s."
    walker.page.locator("#own summary").click()
    for maximum in ("60", "97"):
        walker.page.locator("#own-maximum").fill(maximum)
        walker.page.locator("#own-bid button").click()
        walker.sees(led, maximum=f"{maximum}.00", least="11.00")
    assert is_same(walker)
    stands(walker, "leading")
    expect(other.page.locator("#lot-bids [data-show=bids]")).to_have_text("1", timeout=LIVE)
    expect(other.page.locator("body")).not_to_contain_text("97.00")
    assert is_same(other)


def test_a_page_without_a_stream_is_at_most_seconds_behind(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """Streams are blocked on the way: the page asks by itself, and shows a bid within a few seconds."""
    lot = on_sale(market)
    admitted(market, bob, lot)
    walker = walk(alice)
    walker.context.route("**/events/**", lambda route: route.abort())
    walker.open(page_of(lot))
    never_turned(walker)
    bids(bob, lot, 4200)
    shows(walker, "42.00", 5_000)
    assert is_same(walker)
    walker.forgives("ERR_FAILED")


def test_a_wrong_clock_changes_no_countdown(market: Market, walk: Walk, alice: User) -> None:
    """A device an hour ahead, one an hour behind: the page's now is the shop's, to half a second."""
    lot = on_sale(market)
    for hours in (1, -1):
        walker = walk(alice)
        walker.context.add_init_script(
            f"const real = Date.now.bind(Date); Date.now = () => real() + {hours * 3_600_000};"
        )
        walker.open(page_of(lot))
        expect(walker.page.locator("#lot-end .drum")).to_be_visible()
        walker.page.wait_for_timeout(1500)
        market.wait(partial(tells_the_time, walker))


def tells_the_time(walker: Walker) -> bool:
    """Is the page's now the shop's? Behind it may be until the stream tells it the time."""
    asked = clock.now().timestamp() * 1000
    there = walker.page.evaluate(
        "async () => (await import(performance.getEntriesByType('resource')"
        ".find(each => /js\\/clock[^/]*\\.js$/.test(each.name)).name)).now()"
    )
    answered = clock.now().timestamp() * 1000
    return bool(asked - 500 <= there <= answered + 500)


PHASES = """() => {
  const lot = document.querySelector("#lot");
  window.phases = [lot.dataset.phase];
  const look = () => { if (window.phases.at(-1) !== lot.dataset.phase) window.phases.push(lot.dataset.phase); };
  new MutationObserver(look).observe(lot, { attributeFilter: ["data-phase"] });
}"""
"""From now on the page notes what it says that the lot is."""


def is_now(walker: Walker, *phases: str) -> None:
    """The page that was open all the time says the last of these, and said the others before it."""
    expect(walker.page.locator("#lot")).to_have_attribute("data-phase", phases[-1])
    assert walker.page.evaluate("window.phases") == list(phases)


def test_at_its_end_an_open_page_says_that_it_is_being_confirmed(
    market: Market, walk: Walk, alice: User, bob: User
) -> None:
    """At zero it says so by itself, with no bid button left, and never that it is sold until the row does."""
    lot = on_sale(market)
    for who in (alice, bob):
        admitted(market, who, lot)
    bids(bob, lot, 2000)
    row = Bidding.objects.filter(pk=lot.pk)
    row.update(due_at=clock.now() + timedelta(days=1))  # nobody closes it
    walker, late = walk(alice), walk()
    # the server writes nothing for it
    walker.context.route("**/lots/*/now/", lambda route: route.fulfill(status=304))
    walker.open(page_of(lot))
    walker.page.evaluate(PHASES)
    bid = walker.page.locator("[form=bid], #own").filter(visible=True)
    expect(bid.first).to_be_visible()
    is_now(walker, "live")
    market.pass_time(seconds=left(lot) - 4)
    # looked at again, it asks what time it is
    walker.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    is_now(walker, "live", "confirming")
    assert left(lot) < 1
    expect(bid).to_have_count(0)
    walker.sees("The end is over. The result is being confirmed.")
    expect(walker.page.locator("[data-when=sold]").filter(visible=True)).to_have_count(0)
    late.open(page_of(lot))
    expect(late.page.locator("#lot")).to_have_attribute("data-phase", "confirming")
    late.sees("The end is over. The result is being confirmed.")
    is_now(walker, "live", "confirming")
    row.update(due_at=clock.now())
    is_now(walker, "live", "confirming", "sold")
