"""Deposits at the pages: asked for, paid at Alipay or from the balance, told of, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from shigu.auctions.models import Deposit, DepositState
from shigu.payments.models import Attempt
from tests.auctions.house import alipay, house
from tests.auctions.sale import Sale, deposit, go_to, later, paid
from tests.people import alice, bob
from tests.wallet.purse import topped_up
from tests.web.bidders import all_rows, browser, page_of, text

__all__ = ["alipay", "house"]

pytestmark = pytest.mark.usefixtures("house")

PAGES = ["deposit_cashier", "deposit_result", "deposit_state", "pay_deposit"]


@pytest.fixture
def sale(house: Any) -> Sale:
    """Live: a lot with ¥200, a session with ¥1,000."""
    return Sale({"deposit": 20_000}, deposit=100_000).live()


@pytest.fixture
def buyer(sale: Sale) -> Any:
    """Alice's browser."""
    return browser(alice())


def asked(client: Any, sale: Sale, key: str = "k") -> Deposit:
    """Alice asks for the lot's deposit."""
    client.post(page_of(sale.lots[0], "lot_deposit"), {"key": key})
    return Deposit.objects.get(user_id=alice().pk, key=key)


def there(name: str, row: Deposit) -> str:
    return reverse(name, args=[row.number])


def test_asking_leads_to_the_cashier(buyer: Any, sale: Sale) -> None:
    """The exact amount, until when, what it admits to, both ways to pay."""
    row = asked(buyer, sale)
    assert (row.amount, row.lot_id) == (20_000, sale.lots[0].pk)
    page = buyer.get(there("deposit_cashier", row))
    for words in ("Pay ¥200.00 with Alipay", "Admits you to bid on “Lot 1”", "Deposit number"):
        assert words in text(page)


def test_asking_for_the_whole_session(buyer: Any, sale: Sale) -> None:
    """One deposit for all lots."""
    answer = buyer.post(reverse("session_deposit", args=[sale.session.slug]), {"key": "k"})
    row = Deposit.objects.get()
    assert (row.amount, row.lot_id) == (100_000, None)
    assert answer.url == there("deposit_cashier", row)


def test_asking_twice_is_one_deposit(buyer: Any, sale: Sale) -> None:
    """Another tab, another key: the one that waits is the answer."""
    first = asked(buyer, sale)
    again = buyer.post(page_of(sale.lots[0], "lot_deposit"), {"key": "other"})
    assert again.url == there("deposit_cashier", first)
    assert Deposit.objects.count() == 1


def test_a_visitor_and_a_get_ask_for_nothing(sale: Sale) -> None:
    """Past the sign-in, or back to the lot."""
    address = page_of(sale.lots[0], "lot_deposit")
    assert "login" in browser().post(address, {"key": "k"}).url
    assert browser(alice()).get(address).url == page_of(sale.lots[0])
    assert not Deposit.objects.exists()


def test_paying_leads_to_alipay_and_the_money_is_held(buyer: Any, sale: Sale) -> None:
    """An attempt for the deposit; once it is paid the pages say that one may bid."""
    row = asked(buyer, sale)
    answer = buyer.post(there("pay_deposit", row), {"way": "alipay"})
    assert answer.url.startswith("http://127.0.0.1:9/gateway.do?")
    attempt = Attempt.objects.get()
    assert (attempt.purpose, attempt.subject_id, attempt.amount) == ("deposit", row.pk, 20_000)
    assert "Waiting for your payment to arrive" in text(buyer.get(there("deposit_result", row)))
    paid(attempt)
    assert "You can bid now" in text(buyer.get(there("deposit_result", row)))
    assert buyer.get(there("deposit_state", row)).json()["state"] == "held"
    assert buyer.get(there("deposit_cashier", row)).url == there("deposit_result", row)


def test_paying_from_the_balance(buyer: Any, sale: Sale) -> None:
    """Paid at once, and the statement tells of it with a link."""
    topped_up(alice(), 50_000)
    row = asked(buyer, sale)
    answer = buyer.post(there("pay_deposit", row), {"way": "balance"}, follow=True)
    assert "You can bid now" in text(answer)
    assert Deposit.objects.get().state == DepositState.HELD
    statement = buyer.get(reverse("my_balance"))
    assert f"Deposit {row.number} paid" in text(statement)
    assert there("deposit_result", row) in statement.content.decode()
    assert "Deposit: Lot 1" in text(buyer.get(reverse("my_spending")))


@pytest.mark.parametrize("way", ["junk", "", "balance"])
def test_a_way_that_does_not_work(buyer: Any, sale: Sale, way: str) -> None:
    """No such way, or not enough there: a sentence at the cashier; nothing moves."""
    row = asked(buyer, sale)
    before = all_rows()
    answer = buyer.post(there("pay_deposit", row), {"way": way}, follow=True)
    assert answer.redirect_chain[-1][0] == there("deposit_cashier", row)
    assert 'role="alert"' in answer.content.decode()
    assert all_rows() == before


def test_its_time_is_over(buyer: Any, sale: Sale) -> None:
    """The cashier leads to a page that says so; paying is refused; it can be asked for again."""
    row = asked(buyer, sale)
    later(timedelta(minutes=16))
    page = buyer.get(there("deposit_cashier", row), follow=True)
    assert "This deposit was not taken" in text(page)
    buyer.post(there("pay_deposit", row), {"way": "alipay"})
    assert not Attempt.objects.exists()
    assert asked(buyer, sale, key="again").pk != row.pk


@pytest.mark.parametrize("name", PAGES)
def test_somebody_elses_deposit_does_not_exist(sale: Sale, name: str) -> None:
    """404 for bob at every address of alice's deposit, and nothing changes."""
    row = asked(browser(alice()), sale)
    before = all_rows()
    client = browser(bob())
    answer = (
        client.post(there(name, row)) if name == "pay_deposit" else client.get(there(name, row))
    )
    assert answer.status_code == 404
    assert all_rows() == before


def test_a_deposit_that_came_back_says_so(buyer: Any, sale: Sale) -> None:
    """After the lot is over: back by the original route, on its own page and among my deposits."""
    row = deposit(alice(), lot=sale.lots[0])
    go_to(sale.session.closes_at)
    later(timedelta(minutes=1))
    page = buyer.get(there("deposit_result", row))
    assert "Your deposit came back" in text(page)
    mine = buyer.get(reverse("my_bids"), {"tab": "deposits"})
    assert "¥200.00 came back by the original route" in text(mine)


def test_after_the_end_none_is_taken(buyer: Any, sale: Sale) -> None:
    """Nothing left to bid on: refused on the lot's page."""
    go_to(sale.session.closes_at)
    answer = buyer.post(page_of(sale.lots[0], "lot_deposit"), {"key": "k"}, follow=True)
    assert "nothing left to bid on" in text(answer)
    assert not Deposit.objects.exists()
