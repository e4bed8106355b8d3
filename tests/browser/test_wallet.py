"""Coupon, credits and balance in a buyer's hands: claimed, used, back again, paid with, told line by line."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import Locator, expect

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Activity, Product
from shigu.ledger.adjusting import adjust, draw, open_account
from shigu.ledger.models import Book
from shigu.orders.models import Order, Status
from shigu.promotions.models import Coupon, Grant, GrantState
from shigu.wallet.models import TopUp
from tests.activities import discount
from tests.auditing import assert_audit_holds
from tests.browser.conftest import Walk
from tests.browser.market import Market
from tests.browser.test_lapsing import went_back
from tests.browser.test_looking import looks_right
from tests.browser.walker import Walker
from tests.promotions.booth import DAY, coupon
from tests.wallet.purse import has
from tests.web.wallets import has as credits_of

POT = 26_800
OFF, CREDITS = 3_000, 200
TO_PAY = POT - OFF - CREDITS * 10


def test_all_of_it_comes_back(market: Market, walk: Walk, alice: User) -> None:
    """A coupon is claimed, used with credits, back with the piece when the time is up; restored, it is paid."""
    walker = walk(alice)
    spring, slug = on_offer(market), pots(market)
    give(alice, 500)
    claim(walker, spring)
    order = order_with_both(walker, slug)
    assert (order.coupon_off, order.credits, order.payable) == (OFF, CREDITS, TO_PAY)
    assert (market.free(slug), credits_of(alice)) == (2, (300, CREDITS))
    is_held(walker, order)
    lets_it_lapse(market, walker, order)
    assert (market.free(slug), credits_of(alice)) == (3, (500, 0))
    is_mine_again(walker, spring)
    walker.open(f"/me/orders/{order.number}/")
    both_came_back(walker, spring)
    walker.press("Restore")
    walker.at(f"/pay/{order.number}/")
    assert (market.free(slug), credits_of(alice)) == (2, (300, CREDITS))
    pay_at_alipay(walker)
    walker.at(f"/pay/{order.number}/result/")
    walker.sees("Paid: your goods are on the list to be shipped")
    order.refresh_from_db()
    earned = order.payable // 100
    walker.sees_counted("%(credits)s credit earned", "%(credits)s credits earned", credits=earned)
    is_used(walker, order)
    walker.open("/me/credits/")
    tells(
        walker,
        [
            ("Earned with order %(number)s", f"+{earned}", f"{300 + earned}"),
            ("Used for order %(number)s", f"−{CREDITS}", "300"),
            ("Held for order %(number)s", f"−{CREDITS}", "300"),
            ("Came back from order %(number)s", f"+{CREDITS}", "500"),
            ("Held for order %(number)s", f"−{CREDITS}", "300"),
        ],
        number=order.number,
    )
    looks_right(walker)
    assert_audit_holds()


def test_topped_up_and_paid_from_it(market: Market, walk: Walk, alice: User) -> None:
    """¥300 through Alipay, an order paid at once from them; statement and spending tell of both."""
    walker = walk(alice)
    order = market.order(alice, pots(market))
    walker.open(f"/pay/{order.number}/")
    expect(walker.page.locator("input[name=way][value=balance]")).to_have_count(0)
    top_up = tops_up(walker, "300")
    assert (has(alice), top_up.paid_at is not None) == (30_000, True)
    walker.press("To its cashier")
    walker.at(f"/pay/{order.number}/")
    looks_right(walker)
    walker.page.locator("label.pick", has=walker.page.locator("[value=balance]")).click()
    walker.act("#pay")
    walker.at(f"/pay/{order.number}/result/")
    walker.sees("Paid: your goods are on the list to be shipped")
    assert has(alice) == 30_000 - POT
    walker.open("/me/balance/")
    rows = walker.page.locator("table.statement tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text(walker.says("Paid order %(number)s", number=order.number))
    expect(rows.nth(1)).to_contain_text(walker.says("Topped up: %(number)s", number=top_up.number))
    expect(rows.nth(0).locator(".num").last).to_contain_text("32")
    looks_right(walker)
    walker.open("/me/spending/")
    spent = walker.page.locator("ul.rows > li")
    expect(spent).to_have_count(2)
    expect(spent.nth(0)).to_contain_text(order.number)
    expect(spent.nth(0)).to_contain_text(walker.says("Balance"))
    expect(spent.nth(1)).to_contain_text(top_up.number)
    looks_right(walker)
    assert_audit_holds()


def test_nothing_typed_is_lost(market: Market, walk: Walk, alice: User) -> None:
    """The activity ends between looking and placing: told at which price it stands, everything kept."""
    walker = walk(alice)
    slug = pots(market)
    summer = discount(
        50, name=market.new_name("Summer "), products=[Product.objects.get(slug=slug)]
    )
    give(alice, 500)
    walker.buy_now(slug)
    walker.fill_address("东市坊 9 号")
    uses(walker, CREDITS)
    expect(bill(walker)).to_contain_text("114")
    ended = clock.now() - timedelta(seconds=1)
    Activity.objects.filter(pk=summer.pk).update(ends_at=ended)
    walker.act("#place")
    walker.sees(
        "Something changed since you looked. Below is how it stands now; nothing was ordered or charged."
    )
    changed = "With what is on offer now, “%(name)s” costs ¥%(now)s (you saw ¥%(seen)s). Nothing was ordered."
    walker.sees(changed, name=walker.named(slug), now="268.00", seen="134.00")
    walker.forgives("409")
    assert not Order.objects.filter(user=alice).exists()
    assert (market.free(slug), credits_of(alice)) == (3, (500, 0))
    expect(walker.page.locator("#credits")).to_have_value(str(CREDITS))
    kept = walker.page.locator("label.pick", has_text="东市坊 9 号").locator("input")
    expect(kept).to_be_checked()
    looks_right(walker)
    order = walker.place()
    assert (order.payable, order.credits) == (POT - CREDITS * 10, CREDITS)
    assert "东市坊 9 号" in order.sent_to
    assert_audit_holds()


def on_offer(market: Market) -> Coupon:
    """¥30 off from ¥200 on, for whoever claims it."""
    name = market.new_name("Spring ")
    return coupon(f"{name}券", name_en=name, amount=OFF, least=20_000, ends=3 * DAY)


def pots(market: Market) -> str:
    """Three pots, each of which takes up to 300 credits."""
    slug = market.goods("pot", pieces=3, price=POT)
    Product.objects.filter(slug=slug).update(most_credits=300)
    return slug


def give(user: User, credits: int) -> None:
    """The shop gives some."""
    mine = open_account(Book.CREDITS, user.pk)
    adjust(mine, credits, number=draw(), reason="a gift", by=user.pk)


def claim(walker: Walker, wanted: Coupon) -> None:
    """In the coupon centre; the ticket itself says that it is theirs."""
    walker.open("/coupons/")
    looks_right(walker)
    ticket = walker.page.locator(f"#coupon-{wanted.pk}")
    ticket.get_by_role("button", name=name_of(walker, wanted)).click()
    walker.at(r"/coupons/\?got=")
    expect(ticket).to_contain_text(walker.says("It is yours now"))


def order_with_both(walker: Walker, slug: str) -> Order:
    """The best coupon is chosen already; credits go from none to 200, and the figures follow."""
    assert walker.user
    walker.buy_now(slug)
    grant = Grant.objects.get(user=walker.user)
    expect(walker.page.locator(f"#coupon-{grant.pk}")).to_be_checked()
    expect(bill(walker)).to_contain_text("238")
    uses(walker, CREDITS)
    expect(bill(walker)).to_contain_text("218")
    coupon_line = walker.says("Coupon “%(name)s”", name=name_of(walker, grant.coupon))
    expect(bill(walker)).to_contain_text(coupon_line)
    walker.fill_address()
    looks_right(walker)
    return walker.place()


def uses(walker: Walker, credits: int) -> None:
    """With the slide on a phone, with the field at a desk; both show the same."""
    moved, other = ("#credits-slide", "#credits") if walker.kind.is_phone else ("#credits", "")
    with walker.page.expect_response(re.compile("/confirm/update/")):
        walker.page.fill(moved, str(credits))
        walker.page.locator(moved).blur()
    expect(walker.page.locator(other or "#credits-slide")).to_have_value(str(credits))


def bill(walker: Walker) -> Locator:
    """What it comes to."""
    return walker.page.locator("#bill dl.sum")


def is_held(walker: Walker, order: Order) -> None:
    """Coupon and credits say by which order they are held."""
    walker.open("/me/coupons/")
    ticket = walker.page.locator(f"#mine-{order.grant_id}")
    expect(ticket).to_contain_text(order.number)
    walker.open("/me/credits/")
    tells(walker, [("Held for order %(number)s", f"−{CREDITS}", "300")], number=order.number)
    looks_right(walker)


def lets_it_lapse(market: Market, walker: Walker, order: Order) -> None:
    """Looking at the cashier until it turns."""
    market.until_left(order, seconds=5)
    walker.open(f"/pay/{order.number}/")
    walker.sees("Time's up")
    went_back(walker, pieces=1)
    assert order.grant
    both_came_back(walker, order.grant.coupon)
    walker.sees("Nothing was charged.")
    looks_right(walker)


def both_came_back(walker: Walker, of: Coupon) -> None:
    """In one sentence each, with the coupon's name and how many credits."""
    note = walker.page.locator(".came-back").first
    text = walker.says("Your coupon “%(name)s” is yours again, valid until %(until)s.")
    expect(note).to_contain_text(text.split("%(until)s")[0] % {"name": name_of(walker, of)})
    one, many = "%(count)d credit is yours again.", "%(count)d credits are yours again."
    expect(note).to_contain_text(walker.counted(one, many, CREDITS))


def is_mine_again(walker: Walker, of: Coupon) -> None:
    """Among the unused ones, with no order's number on it; the credits are whole."""
    grant = Grant.objects.get(coupon=of)
    assert (grant.state, grant.order_id) == (GrantState.UNUSED, None)
    walker.open("/me/coupons/")
    ticket = walker.page.locator(f"#mine-{grant.pk}")
    expect(ticket).to_contain_text(walker.says("Use it"))
    looks_right(walker)


def is_used(walker: Walker, order: Order) -> None:
    """Gone from the unused ones, and among the used ones with the order's number."""
    assert order.status == Status.PAID
    ticket = walker.page.locator(f"#mine-{order.grant_id}")
    walker.open("/me/coupons/")
    expect(ticket).to_have_count(0)
    walker.open("/me/coupons/?tab=used")
    expect(ticket).to_contain_text(order.number)


def tops_up(walker: Walker, yuan: str) -> TopUp:
    """An amount of one's own, through Alipay, until it is there."""
    assert walker.user
    walker.open("/me/balance/")
    looks_right(walker)
    walker.page.locator("label.tile", has=walker.page.locator("[value=other]")).click()
    walker.page.fill("#amount", yuan)
    walker.press("Go to the cashier")
    walker.at("/me/top-ups/")
    looks_right(walker)
    pay_at_alipay(walker)
    walker.at("/me/top-ups/[0-9]+/result/")
    walker.sees("The money is on your balance")
    looks_right(walker)
    return TopUp.objects.get(user=walker.user)


def pay_at_alipay(walker: Walker) -> None:
    """From a cashier of the shop through Alipay's."""
    walker.go_to_provider()
    walker.log_in_there()
    walker.pay_there()


def tells(walker: Walker, story: list[tuple[str, str, str]], **fill: str) -> None:
    """The newest lines of the statement: what happened, how many, how many were left."""
    rows = walker.page.locator("table.statement tbody tr")
    for place, (text, moved, left) in enumerate(story):
        expect(rows.nth(place)).to_contain_text(walker.says(text, **fill))
        expect(rows.nth(place).locator(".num").nth(0)).to_contain_text(moved)
        expect(rows.nth(place).locator(".num").nth(1)).to_contain_text(left)


def name_of(walker: Walker, of: Coupon) -> str:
    """The coupon's name in the reader's language."""
    return of.name_zh if walker.language == "zh-hans" else of.name_en
