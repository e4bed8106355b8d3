"""From the cashier to the result: what a buyer sees of an order that waits, was paid or has ended."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu import clock
from shigu.kit.moments import milliseconds
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order, Status
from shigu.orders.refunding import refund
from shigu.payments import polling
from shigu.payments.models import Attempt, State
from shigu.payments.provider import Answer, Standing
from shigu.web.devices import is_phone
from tests.auditing import assert_audit_holds
from tests.goods import fan, free_course, python_course, sku, teapot
from tests.people import alice, bob
from tests.web.ordering import english, placed
from tests.web.paying import all_rows, fresh, lapsed, opened, paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


@pytest.fixture
def buyer(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def order_of_both() -> Order:
    """Alice's unpaid order of a course and two teapots."""
    return placed(alice(), (sku(python_course(), 1), 1), (sku(teapot()), 2))


def at(page: str, order: Order) -> str:
    return reverse(page, args=[order.number])


def text(answer: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_cashier_shows_how_much_and_until_when(buyer: Client) -> None:
    """Lines, sum, the drum's end and the one main act."""
    order = order_of_both()
    answer = buyer.get(at("cashier", order))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert f'data-ends="{milliseconds(order.pay_by)}"' in html
    for said in (
        "Python concurrency",
        "Valid for 365 days",
        "Wood-fired teapot",
        "Pay ¥815.00 with Alipay",
    ):
        assert said in text(answer)
    assert "815" in html  # 27 900 + 2 x 26 800 fen
    assert f'data-state="unpaid" data-subject="{order.number}"' in html


def test_the_cashier_speaks_chinese(client: Client) -> None:
    """The same page for a Chinese reader, who is the usual one."""
    client.force_login(alice())
    answer = client.get(at("cashier", order_of_both()))
    assert "为你留到" in text(answer)
    assert "用支付宝付款 ¥815.00" in text(answer)


def test_paying_opens_an_attempt_and_leads_to_alipay(buyer: Client) -> None:
    """The browser goes to the gateway with our number, the amount and `pay_by`."""
    order = order_of_both()
    answer = buyer.post(at("pay", order), {"way": "alipay"})
    assert answer.status_code == 302
    attempt = Attempt.objects.get()
    assert answer["Location"].startswith("http://127.0.0.1:9/gateway.do?")
    content = parse_qs(urlsplit(answer["Location"]).query)["biz_content"][0]
    assert attempt.out_trade_no in content
    assert attempt.amount == order.payable
    assert attempt.channel == "page"


def test_a_phone_is_sent_to_the_page_for_phones(buyer: Client) -> None:
    """What the browser says it is decides the channel."""
    buyer.post(at("pay", order_of_both()), {"way": "alipay"}, headers={"User-Agent": PHONE})
    assert Attempt.objects.get().channel == "wap"


@pytest.mark.parametrize(
    ("headers", "phone"),
    [
        ({"user-agent": PHONE}, True),
        ({"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"}, False),
        ({"sec-ch-ua-mobile": "?1"}, True),
        ({"sec-ch-ua-mobile": "?0", "user-agent": "Mozilla/5.0 (Windows NT 10.0)"}, False),
        ({}, False),
    ],
)
def test_phones_are_known_by_what_they_say(
    rf: object, headers: dict[str, str], phone: bool
) -> None:
    """Client hint or user agent; silence is a desk."""
    assert is_phone(rf.get("/", headers=headers)) is phone


def test_a_second_click_opens_the_same_attempt(buyer: Client) -> None:
    """Two tabs, one number at the provider."""
    order = order_of_both()
    first, second = (buyer.post(at("pay", order), {"way": "alipay"}) for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize("way", ["", "bitcoin", "a b", "../x", "%00", "é" * 500])
def test_an_unknown_way_is_refused_at_the_cashier(buyer: Client, way: str) -> None:
    """The buyer reads why, and nothing was opened."""
    order = order_of_both()
    before = all_rows()
    answer = buyer.post(at("pay", order), {"way": way}, follow=True)
    assert answer.redirect_chain == [(at("cashier", order), 302)]
    assert "not available at the moment" in text(answer)
    assert all_rows() == before


def test_what_is_paid_cannot_be_paid_again(buyer: Client) -> None:
    """A stale tab's button says that the order waits no longer, and leads on to the result."""
    order = paid(order_of_both())
    before = all_rows()
    answer = buyer.post(at("pay", order), {"way": "alipay"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("result", order)
    assert "no longer waiting for payment" in text(answer)
    assert all_rows() == before


def test_after_pay_by_no_cashier_is_opened(buyer: Client) -> None:
    """Decided from the row and the clock, whether or not anybody tidied up."""
    order = order_of_both()
    clock.shift(timedelta(minutes=15, seconds=1))
    before = all_rows()
    answer = buyer.post(at("pay", order), {"way": "alipay"}, follow=True)
    assert "The time to pay this order is over" in text(answer)
    assert all_rows() == before


@pytest.mark.parametrize("page", ["cashier", "result", "pay_state", "order", "order_card"])
def test_anothers_order_does_not_exist(client: Client, page: str) -> None:
    """Bob gets 404 for alice's order, as for a number nobody has."""
    order = order_of_both()
    client.force_login(bob())
    assert client.get(at(page, order)).status_code == 404
    assert client.get(reverse(page, args=["20260101000199999999"])).status_code == 404


@pytest.mark.parametrize("act", ["pay", "cancel_order", "restore_order", "delete_order"])
def test_nobody_acts_on_anothers_order(client: Client, act: str) -> None:
    """Bob gets 404 and nothing changes."""
    order = order_of_both()
    client.force_login(bob())
    before = all_rows()
    assert client.post(at(act, order)).status_code == 404
    assert all_rows() == before


@pytest.mark.parametrize(
    "page",
    ["cashier", "result", "orders", "centre", "my_courses", "addresses", "profile", "security"],
)
def test_visitors_sign_in_and_come_back(client: Client, page: str) -> None:
    """Guarded pages lead to the sign-in and name themselves as the way back."""
    address = at(page, order_of_both()) if page in ("cashier", "result") else reverse(page)
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('account_login')}?next={address}"


def test_a_visitors_button_leads_to_a_page_not_to_a_verb(client: Client) -> None:
    """After signing in one lands on the cashier; a verb opened by hand does too."""
    order = order_of_both()
    answer = client.post(at("pay", order))
    assert answer["Location"].endswith(f"?next={at('cashier', order)}")
    client.force_login(alice())
    assert client.get(at("pay", order))["Location"] == at("cashier", order)
    assert Attempt.objects.count() == 0


def test_a_form_without_its_token_is_refused() -> None:
    """Paying from another site's page does nothing."""
    order = order_of_both()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice())
    before = all_rows()
    assert strict.post(at("pay", order), {"way": "alipay"}).status_code == 403
    assert all_rows() == before


def test_the_result_names_what_was_bought(buyer: Client) -> None:
    """Courses with their end, goods to be shipped, time and amount."""
    order = paid(order_of_both())
    answer = buyer.get(at("result", order))
    assert "Paid: your courses are ready and your goods are on the list" in text(answer)
    for said in ("Python concurrency", "Valid until", "To be shipped", "Go study", order.number):
        assert said in text(answer)
    assert_audit_holds()


def test_the_result_counts_courses(buyer: Client) -> None:
    """A single course is one course, free ones included, and no way to pay is named."""
    order = fresh(placed(alice(), (sku(free_course()), 1)))
    assert order.status == Status.PAID
    answer = buyer.get(at("result", order))
    assert "1 course bought" in text(answer)
    assert "Valid for ever" in text(answer)
    assert "Alipay" not in text(answer)


def test_before_the_word_the_result_says_what_it_waits_for(buyer: Client) -> None:
    """It turns by itself, by the stream and by asking, and the cashier is still open."""
    order = order_of_both()
    opened(order)
    answer = buyer.get(at("result", order))
    html = answer.content.decode()
    assert "Waiting for your payment to arrive" in text(answer)
    assert html.count(f'data-poll="{at("pay_state", order)}"') == 2
    assert "/events/" in html
    assert at("cashier", order) in html


def test_the_cashier_of_a_paid_order_is_its_result(buyer: Client) -> None:
    """A page left open leads on."""
    order = paid(order_of_both())
    assert buyer.get(at("cashier", order))["Location"] == at("result", order)


def test_times_up_says_what_came_back(buyer: Client) -> None:
    """Pieces, when, that nothing was charged, and the way to restore."""
    order = lapsed(order_of_both())
    for page in ("cashier", "result"):
        answer = buyer.get(at(page, order))
        assert "Time's up" in text(answer).replace("&#x27;", "'")
        assert re.search(
            r"2 pieces went back on the shelf \d\d:\d\d\. Nothing was charged\.", text(answer)
        )
        assert at("restore_order", order) in answer.content.decode()


def test_after_pay_by_with_an_open_cashier_the_page_asks(buyer: Client) -> None:
    """The order is not given up before Alipay has had its word."""
    order = order_of_both()
    opened(order)
    clock.shift(timedelta(minutes=15, seconds=1))
    answer = buyer.get(at("cashier", order))
    assert "We are asking Alipay whether your payment came in time" in text(answer)
    assert "with Alipay" not in text(answer)


def test_without_a_cashier_what_was_held_is_coming_back(buyer: Client) -> None:
    """Between `pay_by` and the clock's visit the page says what is about to happen."""
    order = order_of_both()
    clock.shift(timedelta(minutes=15, seconds=1))
    assert "What was held for you is coming back" in text(buyer.get(at("cashier", order)))


def test_money_for_a_cancelled_order_goes_back_and_is_told(buyer: Client) -> None:
    """Not "nothing was charged", but how much is on its way."""
    order = order_of_both()
    attempt = opened(order)
    cancel(order.pk, by=order.user_id)
    assert "Should a payment still arrive" in text(buyer.get(at("cashier", order)))
    order = paid(order, attempt)
    answer = buyer.get(at("result", order))
    assert "Your money goes back to you" in text(answer)
    assert "¥815.00 is on its way back" in text(answer)
    assert "Nothing was charged" not in text(answer)


def test_a_late_payment_that_finds_no_pieces_goes_back(buyer: Client) -> None:
    """The order stays expired, and the page tells where the money is."""
    order = placed(alice(), (sku(fan()), 5))
    attempt = opened(order)
    order = lapsed(order)
    placed(bob(), (sku(fan()), 5))
    order = paid(order, attempt)
    assert order.status == Status.EXPIRED
    answer = buyer.get(at("result", order))
    assert "Your money goes back to you" in text(answer)
    assert "¥490.00 is on its way back" in text(answer)
    assert_audit_holds()


def test_a_refunded_order_is_shown_as_an_order(buyer: Client) -> None:
    """Cashier and result lead to the order's own page."""
    order = paid(order_of_both())
    refund(order.pk, by=order.user_id)
    answer = buyer.get(at("cashier", order), follow=True)
    assert answer.redirect_chain[-1][0] == at("order", order)
    assert "The shop decided to refund this order" in text(answer)


def test_the_poll_asks_the_provider_and_tells_the_state(
    buyer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unpaid order with a cashier open is asked for; the answer settles it."""
    order = order_of_both()
    attempt = opened(order)
    asked = []

    def query(self: object, number: str) -> Answer:
        asked.append(number)
        return Answer(
            number, Standing.PAID, amount=attempt.amount, trade_no="1", paid_at=clock.now()
        )

    monkeypatch.setattr(type(polling.providers["alipay"]), "query", query)
    answer = buyer.get(at("pay_state", order), headers={"Accept": "application/json"})
    assert answer.json() == {"subject": order.number, "state": "to_ship"}
    assert asked == [attempt.out_trade_no]
    assert buyer.get(at("pay_state", order)).json()["state"] == "to_ship"
    assert len(asked) == 1, "a paid order is asked for no more"


def test_the_poll_of_a_visitor_is_a_plain_no(client: Client) -> None:
    """A script gets a status it understands, not a sign-in page."""
    assert client.get(at("pay_state", order_of_both())).status_code == 401


def test_the_poll_survives_a_silent_provider(buyer: Client) -> None:
    """Alipay cannot be reached (port 9): still unpaid, nothing lost, the attempt still open."""
    order = order_of_both()
    attempt = opened(order)
    answer = buyer.get(at("pay_state", order))
    assert answer.json()["state"] == "unpaid"
    attempt.refresh_from_db()
    assert attempt.state == State.OPEN


def test_paying_is_limited(buyer: Client) -> None:
    """The twenty-first try within a minute is answered 429, with the designed page, and opens nothing."""
    order = order_of_both()
    for _ in range(20):
        assert buyer.post(at("pay", order), {"way": "bitcoin"}).status_code == 302
    before = all_rows()
    answer = buyer.post(at("pay", order), {"way": "alipay"})
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "Too many tries" in text(answer)
    assert all_rows() == before


def test_the_cashier_costs_a_fixed_number_of_queries(buyer: Client) -> None:
    """Three lines cost what one costs."""
    one = placed(alice(), (sku(teapot()), 1))
    three = placed(alice(), (sku(teapot()), 1), (sku(fan()), 1), (sku(python_course()), 1))
    buyer.get(at("cashier", one))
    costs = []
    for order in (one, three):
        with CaptureQueriesContext(connection) as queries:
            buyer.get(at("cashier", order))
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert costs[0] <= 14
