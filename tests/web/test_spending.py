"""Spending and credits: what was paid and what came back, what was earned, used and returned, in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.safestring import SafeString

from shigu import clock
from shigu.catalogue.models import Product
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders import credits
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order
from shigu.orders.refunding import refund
from shigu.payments.models import Refund, RefundState
from shigu.payments.movements import Movements
from tests.goods import course, fan, python_course, sku, teapot
from tests.people import alice, bob
from tests.wallet.purse import topped_up
from tests.web.ordering import english, placed
from tests.web.paying import lapsed, opened, paid
from tests.web.test_balances import JUNK, text
from tests.web.wallets import give_credits

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]


@pytest.fixture
def buyer(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def spending(client: Client, **query: str) -> Any:
    return client.get(reverse("my_spending"), query)


def record(client: Client, **query: str) -> Any:
    return client.get(reverse("my_credits"), query)


def said(answer: Any) -> list[tuple[str, str, str]]:
    """Each line of credits: what happened, how many, how many were left."""
    strip = [re.sub(r"<[^>]+>", "", line.text) for line in answer.context["lines"]]
    return [
        (words, line.credits, line.left)
        for words, line in zip(strip, answer.context["lines"], strict=True)
    ]


# -- spending --------------------------------------------------------------------------------------
def test_nothing_spent_says_so(buyer: Client) -> None:
    """An order that waits or lapsed is nobody's spending, nor is a cashier that was left."""
    order = placed(alice(), (sku(teapot()), 1))
    opened(order)
    lapsed(placed(alice(), (sku(fan()), 1)))
    answer = spending(buyer)
    assert answer.context["rows"] == []
    assert "Nothing spent yet" in text(answer)


def test_payments_top_ups_and_refunds_are_told(buyer: Client) -> None:
    """Newest first, each with what it was for and how; nothing of bob's."""
    order = paid(placed(alice(), (sku(python_course()), 1), (sku(teapot()), 1), (sku(fan()), 1)))
    top_up = topped_up(alice(), 5_000)
    refund(order.pk, by=alice().pk)
    theirs = paid(placed(bob(), (sku(teapot()), 1)))
    answer = spending(buyer)
    found = [(row.what, row.amount, row.is_refund) for row in answer.context["rows"]]
    names = "Python concurrency, Wood-fired teapot and more"
    given_back = Refund.objects.get().amount
    assert found == [
        (names, given_back, True),
        ("Top-up of your balance", -5_000, False),
        (names, -order.payable, False),
    ]
    assert "on its way back" in text(answer)
    assert reverse("order", args=[order.number]) in answer.content.decode()
    assert reverse("top_up_result", args=[top_up.number]) in answer.content.decode()
    assert theirs.number not in text(answer)


@pytest.mark.parametrize(
    ("state", "words"),
    [(RefundState.SENT, "came back"), (RefundState.REFUSED, "could not be sent back yet")],
)
def test_what_became_of_a_refund(buyer: Client, state: str, words: str) -> None:
    """Sent or refused by the provider: a sentence each."""
    order = paid(placed(alice(), (sku(teapot()), 1)))
    refund(order.pk, by=alice().pk)
    Refund.objects.update(state=state)
    assert words in text(spending(buyer))


def test_a_deleted_order_has_no_link(buyer: Client) -> None:
    """What was spent stays told; the page of the order is gone."""
    order = paid(placed(alice(), (sku(teapot()), 1)))
    Order.objects.update(hidden=True)
    html = spending(buyer).content.decode()
    assert order.number in html
    assert reverse("order", args=[order.number]) not in html


def test_a_page_of_it_costs_the_same(buyer: Client) -> None:
    """Ten orders cost what one costs, and the eleventh stands on the next page."""
    paid(placed(alice(), (sku(teapot(stock=50)), 1)))
    spending(buyer)
    costs = []
    for more in (0, 10):
        for _ in range(more):
            paid(placed(alice(), (sku(teapot()), 1)))
        with CaptureQueriesContext(connection) as queries:
            answer = spending(buyer)
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 12
    assert len(answer.context["rows"]) == 10
    assert len(spending(buyer, page="2").context["rows"]) == 1


def test_movements_are_a_list(buyer: Client) -> None:
    """Its slices are what pages of it are made of; out of range is an IndexError."""
    orders = [paid(placed(alice(), (sku(fan()), 1))) for _ in range(3)]
    movements = Movements(alice().pk)
    assert len(movements) == 3
    assert [m.attempt.subject_id for m in movements] == [one.pk for one in reversed(orders)]
    assert movements[-1].attempt.subject_id == orders[0].pk
    assert [m.attempt.subject_id for m in movements[0:3:2]] == [orders[2].pk, orders[0].pk]
    with pytest.raises(IndexError):
        movements[3]
    assert len(Movements(bob().pk)) == 0


# -- credits ---------------------------------------------------------------------------------------
def test_no_credits_say_how_they_come(buyer: Client, settings: Any) -> None:
    """Nothing moved yet; what they are worth and how one gets them stands beside."""
    answer = record(buyer)
    assert "No credits have moved yet" in text(answer)
    assert f"{settings.CREDITS_PER_YUAN} credits take ¥1 off an order" in text(answer)


def test_held_credits_come_back_and_the_record_says_so(buyer: Client) -> None:
    """Given, held by an order, back when it lapsed: each line with what was left after it."""
    teapot()
    Product.objects.update(most_credits=300)
    give_credits(alice(), 1_000)
    order = placed(alice(), (sku(teapot()), 1), credits=250)
    answer = record(buyer)
    assert said(answer)[0] == (f"Held for order {order.number}", "−250", "750")
    assert "250 more are held by orders that wait for payment" in text(answer)
    lapsed(order)
    answer = record(buyer)
    assert said(answer)[0] == (f"Came back from order {order.number}", "+250", "1,000")
    assert "more are held" not in text(answer)


def test_spent_earned_and_refunded(buyer: Client) -> None:
    """Paying spends what was held and earns more; a refund gives back the one and takes the other."""
    teapot()
    Product.objects.update(most_credits=300)
    give_credits(alice(), 300)
    order = paid(placed(alice(), (sku(teapot()), 1), credits=300))
    lines = said(record(buyer))
    assert {words for words, _, _ in lines[:2]} == {
        f"Used for order {order.number}",
        f"Earned with order {order.number}",
    }
    refund(order.pk, by=alice().pk)
    words = {line[0] for line in said(record(buyer))}
    assert f"Taken back with the refund of order {order.number}" in words


def test_words_of_the_shop_are_only_text(buyer: Client) -> None:
    """The note of an adjustment is escaped; a percent sign in it breaks nothing."""
    credits.locked([alice().pk])
    theirs = account(Book.CREDITS, alice().pk)
    note = "<script>100 %(x)s</script>"
    move = Move(Event.ADJUST, 900_001, account(Book.ISSUED), theirs, 5, note=note)
    posting.post([move], at=clock.now())
    answer = record(buyer)
    line = answer.context["lines"][0].text
    assert isinstance(line, SafeString)
    assert line == "Adjusted by the shop: &lt;script&gt;100 %(x)s&lt;/script&gt;"


def test_the_record_of_credits_is_read_page_by_page(buyer: Client) -> None:
    """Ten lines of orders cost what one costs."""
    teapot(stock=50)
    Product.objects.update(most_credits=300)
    give_credits(alice(), 300)
    cancel(placed(alice(), (sku(teapot()), 1), credits=10).pk, by=alice().pk)
    record(buyer)
    costs = []
    for more in (0, 5):
        for _ in range(more):
            cancel(placed(alice(), (sku(teapot()), 1), credits=10).pk, by=alice().pk)
        with CaptureQueriesContext(connection) as queries:
            answer = record(buyer)
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 12
    assert len(answer.context["lines"]) == 10
    assert len(record(buyer, page="2").context["lines"]) == 3


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("page", ["my_spending", "my_credits", "my_balance"])
def test_junk_in_the_address_is_the_first_page(buyer: Client, page: str, junk: str) -> None:
    """Page and size: whatever stands there, the page opens."""
    give_credits(alice(), 5)
    topped_up(alice())
    answer = buyer.get(reverse(page), {"page": junk, "size": junk})
    assert answer.status_code == 200
    assert answer.context["page"].number == 1


@pytest.mark.parametrize("page", ["my_spending", "my_credits", "my_balance"])
def test_they_are_nobody_elses_to_keep(buyer: Client, client: Client, page: str) -> None:
    """No cache keeps them; a visitor signs in first; the menu leads to each of them."""
    answer = buyer.get(reverse(page))
    assert "no-store" in answer["Cache-Control"]
    assert f'href="{reverse(page)}"' in buyer.get(reverse("centre")).content.decode()
    assert Client().get(reverse(page)).url.startswith(reverse("account_login"))


def test_they_speak_chinese(client: Client) -> None:
    """Both pages in the language of most of their readers."""
    client.force_login(alice())
    paid(placed(alice(), (sku(course("tea", "茶", "Tea", [(0, 900, None)])), 1)))
    assert "消费记录" in text(spending(client))
    assert "积分记录" in text(record(client))
    assert said(record(client))[0][0].endswith("所得")
