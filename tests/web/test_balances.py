"""My balance: what is there, topping it up to the result, paying an order from it, and its record."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu import clock
from shigu.clock.drain import drain
from shigu.orders.models import Order, Status
from shigu.orders.refunding import refund
from shigu.payments import refunding
from shigu.payments.models import Attempt
from shigu.payments.paying import pay_from_balance
from shigu.payments.provider import Standing
from shigu.wallet.models import TopUp
from tests.auditing import assert_audit_holds
from tests.goods import fan, sku, teapot
from tests.people import alice, bob
from tests.wallet.purse import asked, has, opened, told, topped_up
from tests.web.ordering import english, placed
from tests.web.paying import all_rows, fresh

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]

JUNK = ["", " ", "abc", "-5", "0", "0.99", "0.001", "1e3", "５０,0001", "9" * 40, "NaN", "<b>1</b>"]


@pytest.fixture
def buyer(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def text(answer: Any) -> str:
    words = " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
    return re.sub(r"¥ (?=\d)|(?<=\d) (?=\.\d\d)", lambda gap: gap.group().strip(), words)


def at(page: str, row: TopUp | Order) -> str:
    return reverse(page, args=[row.number])


def ask(client: Client, **form: str) -> Any:
    return client.post(reverse("top_up"), form)


# -- topping up ------------------------------------------------------------------------------------
def test_an_empty_balance_says_so(buyer: Client) -> None:
    """Nothing there, nothing written down, and a form with the shop's amounts."""
    answer = buyer.get(reverse("my_balance"))
    for words in ("¥0.00", "¥100.00", "Another amount", "Nothing has moved yet"):
        assert words in text(answer)
    assert "no-store" in answer["Cache-Control"]


def test_a_picked_amount_leads_to_its_cashier(buyer: Client) -> None:
    """The cashier says how much and until when; only providers can pay it, not the balance itself."""
    answer = ask(buyer, pick="100.00", amount="7", key="k")
    row = TopUp.objects.get()
    assert (row.user_id, row.amount) == (alice().pk, 10_000)
    assert answer.url == at("top_up_cashier", row)
    page = buyer.get(answer.url)
    assert "Pay ¥100.00 with Alipay" in text(page)
    assert 'value="balance"' not in page.content.decode()


def test_an_amount_of_ones_own(buyer: Client) -> None:
    """Typed as people type it; the same form sent twice asks once."""
    for _ in range(2):
        ask(buyer, pick="other", amount="¥ 1,234.50", key="same")
    assert [row.amount for row in TopUp.objects.all()] == [123_450]


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("field", ["pick", "amount"])
def test_what_is_no_amount_is_refused(buyer: Client, field: str, junk: str) -> None:
    """The limits in a sentence, on the page with the form; nothing is written."""
    answer = buyer.post(reverse("top_up"), {field: junk, "key": "k"}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("my_balance")
    assert "Top up with an amount between ¥" in text(answer)
    assert not TopUp.objects.exists()


def test_junk_in_the_address_proposes_nothing(buyer: Client) -> None:
    """What cannot be read is no proposal; what is too little becomes the least."""
    for junk in JUNK:
        assert buyer.get(reverse("my_balance"), {"amount": junk, "page": junk}).status_code == 200
    page = buyer.get(reverse("my_balance"), {"amount": "0.20"})
    assert page.context["wanted"] == page.context["least"]


def test_paying_it_leads_to_alipay_and_back(buyer: Client) -> None:
    """The cashier opens an attempt; coming back from Alipay ends at the top-up's result."""
    row = asked(alice())
    answer = buyer.post(at("pay_top_up", row), {"way": "alipay"})
    attempt = Attempt.objects.get()
    assert (attempt.purpose, attempt.subject_id, attempt.amount) == ("top-up", row.pk, 10_000)
    assert answer.url.startswith("http://127.0.0.1:9/gateway.do?")
    assert "Waiting for your payment to arrive" in text(buyer.get(at("top_up_result", row)))


@pytest.mark.parametrize("way", ["balance", "junk", ""])
def test_a_balance_cannot_top_up_itself(buyer: Client, way: str) -> None:
    """No such way: a sentence at its cashier, no attempt, no money."""
    row = asked(alice())
    before = all_rows()
    answer = buyer.post(at("pay_top_up", row), {"way": way}, follow=True)
    assert answer.redirect_chain[-1][0] == at("top_up_cashier", row)
    assert 'role="alert"' in answer.content.decode()
    assert all_rows() == before


def test_paid_it_is_on_the_balance(buyer: Client) -> None:
    """The result names the amount and what is there; the cashier leads to it; the record tells it."""
    row = topped_up(alice(), 20_000)
    assert buyer.get(at("top_up_cashier", row)).url == at("top_up_result", row)
    said = text(buyer.get(at("top_up_result", row)))
    for words in ("The money is on your balance", "You have ¥200.00 now"):
        assert words in said
    record = text(buyer.get(reverse("my_balance")))
    assert f"Topped up: {row.number}" in record
    assert "+ ¥200.00" in record
    assert buyer.get(at("top_up_state", row)).json() == {"subject": row.number, "state": "paid"}
    assert_audit_holds()


def test_an_order_that_waits_is_named_after_topping_up(buyer: Client) -> None:
    """Who topped up for an order gets to its cashier from there; somebody else's is not named."""
    others, mine = placed(bob(), (sku(fan()), 1)), placed(alice(), (sku(teapot()), 1))
    answer = buyer.get(at("top_up_result", topped_up(alice())))
    assert at("cashier", mine) in answer.content.decode()
    assert others.number not in text(answer)


def test_its_time_runs_out(buyer: Client) -> None:
    """With a cashier open Alipay is asked; without one nothing was charged, and one may start again."""
    idle, open_one = asked(alice(), 3_000), asked(alice(), 4_000)
    opened(open_one)
    clock.shift(timedelta(minutes=16))
    assert "We are asking Alipay whether you paid" in text(buyer.get(at("top_up_result", open_one)))
    answer = buyer.get(at("top_up_result", idle))
    assert "Nothing was charged" in text(answer)
    assert "?amount=30.00" in answer.content.decode()
    refused = buyer.post(at("pay_top_up", idle), {"way": "alipay"}, follow=True)
    assert "The time to pay this top-up is over" in text(refused)
    assert told(Attempt.objects.get(), Standing.PAID).value
    assert "The money is on your balance" in text(buyer.get(at("top_up_result", open_one)))


@pytest.mark.parametrize("page", ["top_up_cashier", "top_up_result", "top_up_state"])
def test_anothers_top_up_is_not_found(buyer: Client, page: str) -> None:
    """Reading it or paying it: a 404, and nothing changes."""
    theirs = asked(bob())
    before = all_rows()
    assert buyer.get(at(page, theirs)).status_code == 404
    assert buyer.post(at("pay_top_up", theirs), {"way": "alipay"}).status_code == 404
    assert all_rows() == before


def test_visitors_sign_in_first(client: Client) -> None:
    """Pages lead to the sign-in; the state answers 401."""
    row = asked(alice())
    for address in (reverse("my_balance"), at("top_up_cashier", row), at("top_up_result", row)):
        assert client.get(address).url.startswith(reverse("account_login"))
    assert ask(client, pick="100.00").url.startswith(reverse("account_login"))
    assert client.get(at("top_up_state", row)).status_code == 401
    assert TopUp.objects.count() == 1


def test_top_ups_are_limited(buyer: Client) -> None:
    """The twenty-first within a minute is 429 and is not written."""
    codes = [ask(buyer, pick="100.00").status_code for _ in range(21)]
    assert codes == [302] * 20 + [429]
    assert TopUp.objects.count() == 20


# -- paying from it --------------------------------------------------------------------------------
def test_the_cashier_offers_the_balance(buyer: Client) -> None:
    """Enough is there: what it leaves is said, and paying with it settles at once."""
    topped_up(alice(), 30_000)
    order = placed(alice(), (sku(teapot()), 1))
    page = text(buyer.get(at("cashier", order)))
    assert "¥300.00 there, ¥32.00 left afterwards; paid at once" in page
    assert "Pay ¥268.00 from your balance" in page
    answer = buyer.post(at("pay", order), {"way": "balance"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("result", order)
    assert "Balance" in text(answer)
    assert (fresh(order).status, has(alice())) == (Status.PAID, 3_200)
    record = text(buyer.get(reverse("my_balance")))
    assert f"Paid order {order.number}" in record
    assert "− ¥268.00" in record or "−¥268.00" in record
    assert_audit_holds()


def test_too_little_says_how_much_is_missing(buyer: Client) -> None:
    """It cannot be chosen, leads to topping up what is missing, and sent by hand it is refused."""
    topped_up(alice(), 10_000)
    order = placed(alice(), (sku(teapot()), 1))
    page = buyer.get(at("cashier", order))
    assert "¥100.00 there: ¥168.00 short of this" in text(page)
    assert 'value="balance"' not in page.content.decode()
    assert f"{reverse('my_balance')}?amount=168.00" in page.content.decode()
    before = all_rows()
    answer = buyer.post(at("pay", order), {"way": "balance"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("cashier", order)
    assert all_rows() == before


def test_a_refund_comes_back_to_it(buyer: Client) -> None:
    """What the balance paid is on it again, and the record says from which order."""
    topped_up(alice(), 30_000)
    order = placed(alice(), (sku(teapot()), 1))
    pay_from_balance("order", order.pk, user_id=alice().pk)
    refund(order.pk, by=alice().pk)
    drain(refunding.send)
    record = text(buyer.get(reverse("my_balance")))
    assert f"Came back from order {order.number}" in record
    assert has(alice()) > 3_200
    assert_audit_holds()


def test_the_record_is_read_page_by_page(buyer: Client) -> None:
    """Newest first, in pages; each costs the same queries, and each line says what was left."""
    for fen in range(1_000, 13_000, 1_000):
        topped_up(alice(), fen)
    buyer.get(reverse("my_balance"))
    costs = []
    for page in ("1", "2"):
        with CaptureQueriesContext(connection) as queries:
            answer = buyer.get(reverse("my_balance"), {"page": page})
        costs.append(len(queries))
        lines = answer.context["lines"]
        newest = 12 if page == "1" else 2
        assert [line.amount for line in lines] == [
            fen * 1_000 for fen in range(newest, max(newest - 10, 0), -1)
        ]
        assert all(was.after - was.amount == then.after for was, then in itertools.pairwise(lines))
    assert costs[0] == costs[1] <= 12


def test_it_speaks_chinese(client: Client) -> None:
    """The page, its record and the cashier's words."""
    client.force_login(alice())
    topped_up(alice())
    order = placed(alice(), (sku(teapot()), 1))
    said = text(client.get(reverse("my_balance")))
    for words in ("我的余额", "充值", "余额记录", "其他金额"):
        assert words in said
    assert "还差 ¥168.00" in text(client.get(at("cashier", order)))
