"""A lot on sale in a browser's market: bids made elsewhere, and what an open page shows of them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
from playwright.sync_api import expect

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import committing, deposits, publishing
from shigu.auctions.deciding import Offer
from shigu.auctions.models import Bidding, Deposit, DepositState, Lot
from shigu.payments.opening import Addresses, Way, open_attempt
from tests.auctions.sale import Sale
from tests.browser.market import Market
from tests.browser.walker import Walker

MINUTE = timedelta(minutes=1)
DEPOSIT = 20_000
LIVE = 8_000
"""Milliseconds until a page must show what happened elsewhere, on a machine that does much else."""


def on_sale(market: Market, minutes: int = 30, **lot: Any) -> Lot:
    """A lot that is live for so many minutes; late bids move its end by two."""
    now = clock.now()
    sale = Sale(
        {"deposit": DEPOSIT, **lot},
        slug=market.new_name("browser-sale-"),
        preview_from=now + MINUTE,
        preview_until=now + 2 * MINUTE,
        opens_at=now + 3 * MINUTE,
        closes_at=now + (3 + minutes) * MINUTE,
        soft_window=120,
        soft_extension=120,
        most_extensions=10,
    )
    publishing.publish(sale.session.pk)
    market.pass_time(minutes=3, seconds=1)
    return Lot.objects.select_related("session").get(pk=sale.lots[0].pk)


def admitted(market: Market, who: User, lot: Lot) -> Deposit:
    """They paid the deposit at Alipay, on some other device."""
    row = deposits.ask_for_lot(who.pk, lot.pk, key=market.new_name("deposit-"))
    there = Addresses(f"{market.url}/pay/return/alipay/", f"{market.url}/pay/notify/alipay/")
    opened = open_attempt("deposit", row.pk, user_id=who.pk, way=Way(), addresses=there)
    httpx.get(opened.redirect.url, follow_redirects=True, trust_env=False).raise_for_status()
    market.sim.pay(opened.attempt.out_trade_no)
    market.wait(lambda: Deposit.objects.get(pk=row.pk).state == DepositState.HELD)
    return Deposit.objects.get(pk=row.pk)


def page_of(lot: Lot) -> str:
    """Its address."""
    return f"/auctions/{lot.session.slug}/{lot.number}/"


def bids(who: User, lot: Lot, amount: int) -> None:
    """Somebody bids elsewhere."""
    key = f"elsewhere {time.monotonic_ns()}"
    assert committing.decided(Offer(lot.pk, who.pk, key, amount, None, True)).verdict == "accepted"


def shows(walker: Walker, price: str, within: float = LIVE) -> None:
    """The price stands on the page, without its being loaded again."""
    expect(walker.page.locator("#lot-price")).to_have_text(f"¥{price}", timeout=within)


def asks(walker: Walker, amount: str) -> None:
    """The one main act bids so much; the first bid leaves the price at the start, and only the button moves."""
    act = walker.page.locator("button.go[data-quick]").filter(visible=True)
    expect(act).to_contain_text(f"¥{amount}", timeout=LIVE)


def stands(walker: Walker, mark: str, within: int = LIVE) -> None:
    """How the reader stands."""
    expect(walker.page.locator("#lot")).to_have_attribute("data-mark", mark, timeout=within)


def ends(walker: Walker) -> float:
    """Until when the page counts, in milliseconds since the epoch."""
    found = walker.page.locator("#lot-end [data-ends]").get_attribute("data-ends")
    return float(found or 0)


def counts_to(walker: Walker, moment: float) -> bool:
    """Does it count to that moment?"""
    return abs(ends(walker) - moment) < 1


def never_turned(walker: Walker) -> None:
    """Marks the page, so that a reload is noticed."""
    walker.page.evaluate("window.same = true")


def is_same(walker: Walker) -> bool:
    """Is it the page that was marked?"""
    return bool(walker.page.evaluate("window.same === true"))


def left(lot: Lot) -> float:
    """Seconds until its end."""
    return (Bidding.objects.get(pk=lot.pk).closes_at - clock.now()).total_seconds()
