"""What was won, at the pages: arranged, paid, declined, refused; my bids in three tabs; nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu.accounts.models import Address
from shigu.auctions import second_chance
from shigu.auctions.models import Award, AwardState, Lot
from shigu.orders.models import Order, Status
from tests.auctions.house import alipay, house
from tests.auctions.sale import Sale, at, award, deposit, later, opened
from tests.goods import sku, teapot
from tests.people import address_of, alice, bob
from tests.web.bidders import all_rows, bids, browser, page_of, text
from tests.web.ordering import placed
from tests.web.wallets import coupon_of

__all__ = ["alipay", "house"]

pytestmark = pytest.mark.usefixtures("house")

NEW = {
    "to-name": "Alice",
    "to-phone": "13800000000",
    "to-region": "陕西 西安",
    "to-street": "东市 1 号",
}
PAGES = ["arrange", "settle_award", "decline_offer"]


@pytest.fixture
def lot(house: Any) -> Lot:
    """Won by alice for ¥500."""
    sale = Sale({}).live()
    sale.sold(sale.lots[0], alice())
    return sale.lots[0]


@pytest.fixture
def buyer(lot: Lot) -> Any:
    """Alice's browser."""
    return browser(alice())


def there(name: str, won: Award) -> str:
    return reverse(name, args=[won.order.number])


def order_of(won: Award) -> Order:
    return Order.objects.get(pk=won.order_id)


def test_the_cashier_asks_for_the_address_first(buyer: Any, lot: Lot) -> None:
    """What was won goes somewhere: its cashier leads to the page that asks where."""
    won = award(lot)
    page = buyer.get(there("cashier", won), follow=True)
    assert page.redirect_chain == [(there("arrange", won), 302)]
    for words in ("You won this lot", "Hammer price", "To pay ¥500.00"):
        assert words in text(page)


def test_an_address_of_the_book(buyer: Any, lot: Lot) -> None:
    """Chosen, it stands on the order, and the cashier is open."""
    home, won = address_of(alice()), award(lot)
    answer = buyer.post(there("settle_award", won), {"address": str(home.pk), "coupon": ""})
    assert answer.url == there("cashier", won)
    assert order_of(won).sent_to == str(home)
    assert "Pay ¥500.00 with Alipay" in text(buyer.get(answer.url))


def test_a_new_address_is_kept(buyer: Any, lot: Lot) -> None:
    """Typed, it stands on the order and in the book, once."""
    won = award(lot)
    for _ in range(2):
        buyer.post(there("settle_award", won), {"address": "new", **NEW})
    kept = Address.objects.get(user=alice())
    assert order_of(won).sent_to == str(kept)


def test_an_address_that_is_not_complete(buyer: Any, lot: Lot) -> None:
    """422 with what is missing; nothing changes."""
    won, before = award(lot), all_rows()
    answer = buyer.post(there("settle_award", won), {"address": "new", **NEW, "to-phone": "x"})
    assert answer.status_code == 422
    assert "Enter a phone number" in text(answer)
    assert all_rows() == before


@pytest.mark.parametrize("junk", ["", "0", "x", "999999", "-1"])
def test_an_address_that_is_nobodys(buyer: Any, lot: Lot, junk: str) -> None:
    """Somebody else's, or none: asked for again; nothing changes."""
    other, won = address_of(bob()), award(lot)
    before = all_rows()
    for chosen in (junk, str(other.pk)):
        answer = buyer.post(there("settle_award", won), {"address": chosen}, follow=True)
        assert "Say first where the lot is to be sent" in text(answer)
    assert all_rows() == before


def test_a_coupon_for_lots_and_one_that_is_not(buyer: Any, lot: Lot) -> None:
    """The one takes off, the other is not offered."""
    good, other = coupon_of(alice(), 3_000, name="Lots", on_lots=True), coupon_of(alice())
    home, won = address_of(alice()), award(lot)
    page = buyer.get(there("arrange", won)).content.decode()
    assert f'name="coupon" value="{good.pk}"' in page
    assert f'name="coupon" value="{other.pk}"' not in page
    buyer.post(there("settle_award", won), {"address": str(home.pk), "coupon": str(good.pk)})
    assert (order_of(won).payable, order_of(won).coupon_off) == (47_000, 3_000)
    bar = text(buyer.get(page_of(lot))).partition("To pay")[2]
    assert "¥470.00" in bar
    assert "¥500.00" not in bar


def test_once_a_cashier_was_opened_it_stands(buyer: Any, lot: Lot) -> None:
    """Frozen: the page says so and offers the cashier; a form that comes late is refused."""
    home, won = address_of(alice()), award(lot)
    buyer.post(there("settle_award", won), {"address": str(home.pk)})
    opened("order", won.order_id, alice())
    page = buyer.get(there("arrange", won))
    assert "address and coupon stand" in text(page)
    before = all_rows()
    buyer.post(there("settle_award", won), {"address": "new", **NEW})
    assert all_rows() == before
    assert Address.objects.filter(user=alice()).count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_somebody_elses_win_does_not_exist(lot: Lot, name: str) -> None:
    """404 for bob, and nothing changes."""
    won, before = award(lot), all_rows()
    client = browser(bob())
    answer = client.get(there(name, won)) if name == "arrange" else client.post(there(name, won))
    assert answer.status_code == 404
    assert all_rows() == before


def test_an_order_of_the_shop_is_no_win(buyer: Any) -> None:
    """Its number leads nowhere here."""
    order = placed(alice(), (sku(teapot()), 1))
    assert buyer.get(reverse("arrange", args=[order.number])).status_code == 404


def test_what_was_won_is_not_declined(buyer: Any, lot: Lot) -> None:
    """Winning binds: no button, and the address refuses."""
    won = award(lot)
    assert there("decline_offer", won) not in buyer.get(there("arrange", won)).content.decode()
    answer = buyer.post(there("decline_offer", won), follow=True)
    assert "cannot be cancelled" in text(answer)
    assert order_of(won).status == Status.UNPAID


def second(house: Any) -> Award:
    """Alice did not pay; bob is offered it at his own ¥400."""
    sale = Sale({}).live()
    lot = sale.lots[0]
    sale.bid(lot, bob(), 40_000)
    sale.sold(lot, alice())
    later(timedelta(days=1, seconds=1))
    return second_chance.offer(lot.pk)


def test_a_second_chance_can_be_declined(house: Any) -> None:
    """It says whose amount it is; declined, it costs nothing, and the lot waits for the next."""
    won, client = second(house), browser(bob())
    page = client.get(there("arrange", won))
    assert "This lot is offered to you" in text(page)
    assert "Your own amount ¥400.00" in text(page)
    answer = client.post(there("decline_offer", won), follow=True)
    assert "It costs you nothing." in text(answer)
    assert Award.objects.get(pk=won.pk).state == AwardState.CANCELLED


def test_a_second_chance_can_be_taken(house: Any) -> None:
    """Arranged like anything won."""
    won, client, home = second(house), browser(bob()), address_of(bob())
    answer = client.post(there("settle_award", won), {"address": str(home.pk)}, follow=True)
    assert "Pay ¥400.00 with Alipay" in text(answer)


def test_when_the_time_is_over(buyer: Any, lot: Lot) -> None:
    """The page that arranged it shows what became of the order."""
    won = award(lot)
    later(timedelta(days=1, seconds=1))
    assert buyer.get(there("arrange", won)).url == reverse("order", args=[won.order.number])
    assert "Overdue" in text(buyer.get(reverse("my_bids"), {"tab": "won"}))


def test_my_bids_say_how_i_stand(house: Any) -> None:
    """Leading, outbid, won, not won: each lot with the highest bid of one's own."""
    sale = Sale({}, {}).live()
    ahead, behind = sale.lots
    client = browser(alice())
    bids(client, ahead, amount="20")
    bids(client, behind, amount="20")
    bids(browser(bob()), behind, amount="30")
    said = text(client.get(reverse("my_bids")))
    for words in ("You lead", "You were outbid", "your highest bid ¥20.00"):
        assert words in said
    later(timedelta(hours=2))
    said = text(client.get(reverse("my_bids")))
    for words in ("You won", "Somebody else got it", "Waits for your payment"):
        assert words in said
    assert page_of(ahead) in client.get(reverse("my_bids"), {"tab": "won"}).content.decode()
    assert at(ahead).hammer == 2000


@pytest.mark.parametrize("tab", ["bids", "won", "deposits"])
def test_my_bids_are_for_who_is_signed_in(house: Any, tab: str) -> None:
    """A visitor signs in first; somebody new reads that there is nothing yet."""
    address = reverse("my_bids")
    assert "login" in browser().get(address, {"tab": tab}).url
    page = browser(alice()).get(address, {"tab": tab, "page": "x"})
    assert page.status_code == 200
    assert "To the auctions" in text(page)


@pytest.mark.parametrize("tab", ["bids", "won", "deposits"])
def test_my_bids_cost_the_same_however_many(house: Any, tab: str) -> None:
    """One lot won or six, each with a deposit of its own that is held: as many queries."""

    def cost(lots: int) -> int:
        person = alice() if lots == 1 else bob()
        who = browser(person)
        sale = Sale(*[{"deposit": 20_000}] * lots).live()
        for lot in sale.lots:
            deposit(person, lot=lot)
            bids(who, lot, amount="20")
        later(timedelta(hours=2))
        assert len(who.get(reverse("my_bids"), {"tab": tab}).context["rows"]) == lots
        with CaptureQueriesContext(connection) as queries:
            who.get(reverse("my_bids"), {"tab": tab})
        return len(queries)

    assert cost(1) == cost(6)
