"""My orders: tabs, pages, cards by state, and buttons that refuse politely and touch nothing of others."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu import clock
from shigu.catalogue.models import Sku
from shigu.orders import shipping
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order, Status
from shigu.orders.refunding import refund
from shigu.orders.standing import standings
from shigu.payments.models import Refund, RefundState
from tests.auditing import assert_audit_holds
from tests.goods import fan, goods, python_course, sku, teapot
from tests.people import alice, bob, operator
from tests.web.ordering import english, holding, placed
from tests.web.paying import all_rows, fresh, lapsed, opened, paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]

JUNK = ["", " ", "-1", "0", "²", "١", "9" * 30, "9" * 5000, "\0", "' OR 1=1--", "<b>", "🫖", "NaN"]


@pytest.fixture
def buyer(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


def cup(number: int) -> Sku:
    return sku(goods(f"cup-{number}", f"杯 {number}", f"Cup {number}", [("", "", 1000, 50)]))


def at(page: str, order: Order) -> str:
    return reverse(page, args=[order.number])


def text(answer: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def shown(answer: object) -> list[str]:
    return [card.order.number for card in answer.context["cards"]]


def one_of_each() -> dict[str, Order]:
    """Alice's orders, one in every state that a card knows."""
    pot = sku(teapot(40))
    orders = {"expired": lapsed(placed(alice(), (pot, 1)))}
    orders["cancelled"] = placed(alice(), (pot, 1))
    cancel(orders["cancelled"].pk, by=alice().pk)
    orders["paid"] = paid(placed(alice(), (sku(python_course()), 1)))
    orders["to_ship"] = paid(placed(alice(), (pot, 1)))
    orders["shipped"] = paid(placed(alice(), (pot, 1)))
    shipping.ship(orders["shipped"].pk, by=operator().pk, carrier="SF", tracking_no="SF138")
    orders["refunding"] = paid(placed(alice(), (pot, 1)))
    refund(orders["refunding"].pk, by=operator().pk)
    orders["unpaid"] = placed(alice(), (pot, 1))
    return {name: fresh(order) for name, order in orders.items()}


def test_each_order_is_where_it_belongs(buyer: Client) -> None:
    """Tabs hold their states, counts agree with them, the newest comes first."""
    orders = one_of_each()
    placed(bob(), (sku(teapot()), 1))
    expected = {
        "all": ["unpaid", "refunding", "shipped", "to_ship", "paid", "cancelled", "expired"],
        "unpaid": ["unpaid"],
        "paid": ["shipped", "to_ship", "paid"],
        "cancelled": ["cancelled"],
        "expired": ["expired"],
        "refunds": ["refunding"],
    }
    for tab, names in expected.items():
        answer = buyer.get(reverse("orders"), {"tab": tab, "size": "20"})
        assert shown(answer) == [orders[name].number for name in names], tab
        counts = {name: count for name, _word, count in answer.context["tabs"]}
        assert counts == {name: len(those) for name, those in expected.items()}


def test_every_state_has_its_buttons(buyer: Client) -> None:
    """What may be done is there, and nothing else is."""
    orders = one_of_each()
    expected = {
        "unpaid": {"cashier", "cancel_order"},
        "paid": {"my_courses"},
        "to_ship": set(),
        "shipped": set(),
        "refunding": set(),
        "cancelled": {"delete_order"},
        "expired": {"delete_order", "restore_order"},
    }
    acts = ("cashier", "cancel_order", "restore_order", "delete_order")
    for name, wanted in expected.items():
        html = buyer.get(at("order_card", orders[name])).content.decode()
        found = {act for act in acts if f'"{at(act, orders[name])}"' in html}
        if f'"{reverse("my_courses")}"' in html:
            found.add("my_courses")
        assert found == wanted, name


def test_standings_agree_with_the_rows(buyer: Client) -> None:
    """The word that the stream, the poll and the chip share, for each state."""
    orders = one_of_each()
    words = standings([order.pk for order in orders.values()])
    assert {name: words[order.pk].word for name, order in orders.items()} == {
        name: name for name in orders
    }


def test_what_came_back_is_told_on_the_card(buyer: Client) -> None:
    """Pieces, when, and that nothing was charged, for expired and cancelled orders."""
    orders = one_of_each()
    for name in ("expired", "cancelled"):
        said = text(buyer.get(at("order_card", orders[name])))
        assert re.search(
            r"1 piece went back on the shelf \d\d:\d\d\. Nothing was charged\.", said
        ), name
    assert "went back" not in text(buyer.get(at("order_card", orders["unpaid"])))


def test_the_sentence_in_chinese(client: Client) -> None:
    """The sentence that is the product, in the language of most of its readers."""
    order = lapsed(placed(alice(), (sku(teapot()), 2)))
    client.force_login(alice())
    said = text(client.get(at("order_card", order)))
    assert re.search(r"库存 2 件已于 \d\d:\d\d 退回。没有扣款。", said)


def test_shipped_goods_show_carrier_and_number(buyer: Client) -> None:
    """And what waits says that it waits."""
    orders = one_of_each()
    assert "SF138" in text(buyer.get(at("order_card", orders["shipped"])))
    assert "Handed to SF" in text(buyer.get(at("order", orders["shipped"])))
    assert "Waits to be shipped" in text(buyer.get(at("order_card", orders["to_ship"])))


def test_money_on_its_way_then_back(buyer: Client) -> None:
    """The note follows the refund's state, and the standing with it."""
    order = placed(alice(), (sku(teapot()), 1))
    attempt = opened(order)
    cancel(order.pk, by=alice().pk)
    paid(order, attempt)
    assert standings([order.pk])[order.pk].word == "cancelled_returning"
    assert "¥268.00 is on its way back" in text(buyer.get(at("order_card", order)))
    Refund.objects.update(state=RefundState.SENT, ended_at=clock.now())
    assert standings([order.pk])[order.pk].word == "cancelled_returned"
    assert re.search(
        r"¥268\.00 went back by the original route \d\d:", text(buyer.get(at("order_card", order)))
    )


def test_cancelling_gives_everything_back(buyer: Client) -> None:
    """Pieces are free again, the buyer reads so, and lands where they were."""
    order = placed(alice(), (sku(teapot(5)), 2))
    assert holding(sku(teapot())) == (5, 2, 0)
    back = reverse("orders") + "?tab=unpaid"
    answer = buyer.post(at("cancel_order", order), {"next": back}, follow=True)
    assert answer.redirect_chain == [(back, 302)]
    assert "The order is cancelled" in text(answer)
    assert fresh(order).status == Status.CANCELLED
    assert holding(sku(teapot())) == (5, 0, 0)
    assert_audit_holds()


@pytest.mark.parametrize(
    "away", ["https://evil.test/", "//evil.test/", "javascript:alert(1)", "\0", "http:///x"]
)
def test_no_button_leads_elsewhere(buyer: Client, away: str) -> None:
    """`next` is followed within the shop only."""
    order = placed(alice(), (sku(teapot()), 1))
    answer = buyer.post(at("cancel_order", order), {"next": away})
    assert answer["Location"] == at("order", order)


def test_a_paid_order_cannot_be_cancelled(buyer: Client) -> None:
    """The refusal is read where the button was, and nothing changed."""
    order = paid(placed(alice(), (sku(teapot()), 1)))
    before = all_rows()
    answer = buyer.post(at("cancel_order", order), follow=True)
    assert "no longer waiting for payment" in text(answer)
    assert all_rows() == before


def test_restoring_holds_again_and_leads_to_the_cashier(buyer: Client) -> None:
    """Same lines, a fresh time to pay."""
    order = lapsed(placed(alice(), (sku(teapot(5)), 2)))
    answer = buyer.post(at("restore_order", order))
    assert answer["Location"] == at("cashier", order)
    again = fresh(order)
    assert again.status == Status.UNPAID
    assert again.pay_by - clock.now() > timedelta(minutes=14)
    assert holding(sku(teapot())) == (5, 2, 0)
    assert "is held for you again" in text(buyer.get(at("cashier", order)))


def test_restoring_what_is_gone_is_refused_by_name(buyer: Client) -> None:
    """The pieces were sold meanwhile: the sentence names them, nothing is held."""
    order = lapsed(placed(alice(), (sku(teapot(2)), 2)))
    paid(placed(bob(), (sku(teapot()), 1)))
    before = all_rows()
    answer = buyer.post(at("restore_order", order), {"next": reverse("orders")}, follow=True)
    assert "Of “Wood-fired teapot” only 1 can still be had" in text(answer)
    assert all_rows() == before


def test_refusals_speak_the_readers_language(client: Client) -> None:
    """The same refusal for a Chinese reader is in Chinese."""
    order = lapsed(placed(alice(), (sku(teapot(2)), 2)))
    paid(placed(bob(), (sku(teapot()), 1)))
    client.force_login(alice())
    said = text(client.post(at("restore_order", order), follow=True))
    assert "柴烧小茶壶" in said
    assert "can still be had" not in said


def test_deleting_takes_it_off_the_list_only(buyer: Client) -> None:
    """The row stays, its buyer no longer sees it, its address is gone for them."""
    order = lapsed(placed(alice(), (sku(teapot()), 1)))
    buyer.post(at("delete_order", order))
    assert fresh(order).hidden
    assert shown(buyer.get(reverse("orders"))) == []
    assert buyer.get(at("order", order)).status_code == 404


def test_a_living_order_cannot_be_deleted(buyer: Client) -> None:
    """Neither unpaid nor paid; nothing changes."""
    unpaid = placed(alice(), (sku(teapot()), 1))
    settled = paid(placed(alice(), (sku(teapot()), 1)))
    before = all_rows()
    for order in (unpaid, settled):
        answer = buyer.post(at("delete_order", order), follow=True)
        assert "can be deleted" in text(answer)
    assert all_rows() == before


def test_pages_sizes_and_the_last_page(buyer: Client) -> None:
    """Twelve orders: five a page unless told otherwise, a page too far is the last one."""
    orders = [placed(alice(), (cup(1), 1)) for _ in range(12)]
    numbers = [order.number for order in reversed(orders)]
    assert shown(buyer.get(reverse("orders"))) == numbers[:5]
    assert shown(buyer.get(reverse("orders"), {"page": "3"})) == numbers[10:]
    assert shown(buyer.get(reverse("orders"), {"page": "99"})) == numbers[10:]
    assert shown(buyer.get(reverse("orders"), {"size": "10", "page": "2"})) == numbers[10:]
    assert shown(buyer.get(reverse("orders"), {"size": "20"})) == numbers


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("name", ["tab", "size", "page"])
def test_junk_in_the_address_falls_back(buyer: Client, name: str, junk: str) -> None:
    """Whatever stands there, the list is a page."""
    order = placed(alice(), (cup(1), 1))
    answer = buyer.get(reverse("orders"), {name: junk})
    assert answer.status_code == 200
    assert shown(answer) == [order.number]


def test_an_empty_list_says_so(buyer: Client) -> None:
    """Each tab of somebody who bought nothing."""
    for tab in ("all", "unpaid", "refunds"):
        assert "No orders here" in text(buyer.get(reverse("orders"), {"tab": tab}))


def test_a_page_of_orders_costs_a_fixed_number_of_queries(buyer: Client) -> None:
    """Twenty orders of three lines cost what one costs."""
    lines = [(cup(number), 1) for number in range(3)]
    placed(alice(), *lines)
    buyer.get(reverse("orders"))
    with CaptureQueriesContext(connection) as one:
        buyer.get(reverse("orders"), {"size": "20"})
    for _ in range(19):
        placed(alice(), *lines)
    with CaptureQueriesContext(connection) as twenty:
        answer = buyer.get(reverse("orders"), {"size": "20"})
    assert len(shown(answer)) == 20
    assert len(twenty) == len(one)
    assert len(twenty) <= 14


def test_rows_that_wait_share_one_stream(buyer: Client) -> None:
    """One address for the whole page, only rows that may turn follow it."""
    orders = one_of_each()
    placed(alice(), (cup(1), 1))
    html = buyer.get(reverse("orders"), {"size": "20"}).content.decode()
    streams = re.findall(r'data-stream="([^"]+)"', html)
    assert len(streams) == 3, "two unpaid ones and the one being refunded"
    assert len(set(streams)) == 1
    assert html.count(f'data-part="{at("order_card", orders["unpaid"])}"') == 1


def test_history_tells_what_happened(buyer: Client) -> None:
    """Placed, lapsed, restored, paid, in that order."""
    order = lapsed(placed(alice(), (sku(fan()), 1)))
    buyer.post(at("restore_order", order))
    paid(order)
    answer = buyer.get(at("order", order))
    steps = [step.text for step in answer.context["card"].history]
    assert [step.split(";")[0].split(",")[0] for step in steps] == [
        "Order placed",
        "The time to pay ran out",
        "Restored",
        "Paid",
    ]
