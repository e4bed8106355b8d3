"""Notices as their reader sees them: the list, the badge, reading, what comes by mail; nobody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shigu.accounts.models import User
from shigu.notices import choosing, inbox
from shigu.notices.models import Notice, Silence
from shigu.orders.cancelling import cancel
from shigu.orders.models import Order
from shigu.payments.models import RefundState
from tests.goods import python_course, sku, teapot
from tests.people import alice, bob
from tests.web.ordering import english, placed
from tests.web.paying import lapsed, opened, paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]

JUNK = ["", " ", "-1", "0", "²", "9" * 30, "\0", "' OR 1=1--", "<b>", "🫖", "NaN"]


@pytest.fixture
def reader(client: Client) -> Client:
    """Alice, signed in, reading English."""
    client.force_login(alice())
    return english(client)


@pytest.fixture
def order() -> Order:
    """Alice's order of two teapots, unpaid."""
    return placed(alice(), (sku(teapot(40)), 2))


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def badge(answer: Any) -> str:
    """The figure in the header; empty where it is hidden."""
    found = re.search(
        r'data-unread( hidden)?><span class="count" data-unread-count>([^<]*)<',
        answer.content.decode(),
    )
    assert found
    return "" if found[1] else found[2]


def test_the_list_tells_each_step_newest_first(reader: Client, order: Order) -> None:
    """Placed and lapsed, with what came back, each leading to its order."""
    lapsed(order)
    answer = reader.get(reverse("inbox"))
    events = [entry.notice.event for entry in answer.context["entries"]]
    assert events == ["order.lapsed", "order.placed"]
    said = text(answer)
    assert f"Your order {order.number} has lapsed" in said
    assert "2 pieces went back on the shelf. Nothing was charged." in said
    assert badge(answer) == "2"


def test_it_is_chinese_by_default(client: Client, order: Order) -> None:
    """The same list for somebody who reads Chinese."""
    client.force_login(alice())
    lapsed(order)
    said = text(client.get(reverse("inbox")))
    assert f"订单 {order.number} 已超时取消" in said
    assert "2 件商品已放回货架。没有扣款。" in said
    assert "Your order" not in said


def test_opening_one_reads_it_and_leads_to_the_order(reader: Client, order: Order) -> None:
    """The badge counts one less; opened again it stays read, as it was."""
    paid(order, opened(order))
    notice = inbox.mine(alice().pk).get(event="order.paid")
    answer = reader.get(reverse("open_notice", args=[notice.pk]))
    assert answer["Location"] == reverse("order", args=[order.number])
    notice.refresh_from_db()
    first = notice.read_at
    assert first is not None
    assert badge(reader.get(reverse("inbox"))) == "1"
    reader.get(reverse("open_notice", args=[notice.pk]))
    notice.refresh_from_db()
    assert notice.read_at == first


def test_another_persons_notice_does_not_exist(reader: Client) -> None:
    """Bob's is a 404 for alice, and stays unread."""
    placed(bob(), (sku(teapot(5)), 1))
    notice = inbox.mine(bob().pk).get()
    assert reader.get(reverse("open_notice", args=[notice.pk])).status_code == 404
    assert reader.get(reverse("open_notice", args=[notice.pk + 10**6])).status_code == 404
    mail = Notice.objects.get(channel="mail", user=bob())
    assert reader.get(reverse("open_notice", args=[mail.pk])).status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None
    assert "teapot" not in text(reader.get(reverse("inbox")))


def test_all_are_read_up_to_what_was_seen(reader: Client, order: Order) -> None:
    """What came after the page was loaded stays unread, and bob's stay bob's."""
    seen = reader.get(reverse("inbox")).context["newest"]
    placed(bob(), (sku(teapot(5)), 1))
    lapsed(order)
    answer = reader.post(reverse("read_notices"), {"newest": seen})
    assert answer["Location"] == reverse("inbox")
    assert [row.event for row in inbox.mine(alice().pk, unread=True)] == ["order.lapsed"]
    assert inbox.unread(bob().pk) == 1


@pytest.mark.parametrize("junk", JUNK)
def test_junk_reads_nothing_and_breaks_nothing(reader: Client, order: Order, junk: str) -> None:
    """Whatever stands in the form or the address: an answer, and nothing is marked."""
    assert reader.post(reverse("read_notices"), {"newest": junk}).status_code == 302
    assert inbox.unread(alice().pk) == 1
    answer = reader.get(reverse("inbox"), {"page": junk, "tab": junk})
    assert answer.status_code == 200
    assert len(answer.context["entries"]) == 1


def test_a_visitor_is_led_past_the_sign_in(client: Client, order: Order) -> None:
    """List, entry and verbs ask who it is; the badge's figure is nothing, and nothing is read."""
    notice = inbox.mine(alice().pk).get()
    for address in (reverse("inbox"), reverse("open_notice", args=[notice.pk])):
        assert client.get(address)["Location"].startswith(reverse("account_login"))
    for name in ("read_notices", "choose_mails"):
        answer = client.post(reverse(name), {"newest": notice.pk})
        assert answer["Location"].startswith(reverse("account_login"))
    assert client.get(reverse("unread_notices")).json() == {"unread": 0}
    assert inbox.unread(alice().pk) == 1
    assert not Silence.objects.exists()


def test_the_figure_for_open_pages(reader: Client, order: Order) -> None:
    """It counts what is unread, is never cached, and is limited."""
    answer = reader.get(reverse("unread_notices"))
    assert answer.json() == {"unread": 1}
    assert "no-store" in answer["Cache-Control"]
    assert reader.post(reverse("unread_notices")).status_code == 405
    cache.clear()
    codes = {reader.get(reverse("unread_notices")).status_code for _ in range(250)}
    assert codes == {200, 429}


def test_the_badge_is_on_every_page_of_the_reader(reader: Client, order: Order) -> None:
    """Header, menu, side and phone bar; hidden at nothing; 99+ beyond what is counted."""
    assert badge(reader.get("/")) == "1"
    assert reader.get(reverse("inbox")).content.count(b"data-unread-count>1<") == 4
    rows = Notice.objects.filter(user=alice(), channel="inbox")
    Notice.objects.bulk_create(
        Notice(
            event="order.paid",
            subject=number + 10**6,
            user=alice(),
            channel="inbox",
            at=order.placed_at,
            state="kept",
        )
        for number in range(120)
    )
    assert badge(reader.get("/")) == "99+"
    rows.update(read_at=order.placed_at)
    assert badge(reader.get("/")) == ""


def test_a_visitor_has_no_badge(client: Client) -> None:
    """Nothing to count, nothing asked."""
    assert b"data-unread" not in client.get("/").content


def test_a_list_costs_the_same_however_long(reader: Client) -> None:
    """No query per notice: one and twelve entries ask equally often."""
    pot = sku(teapot(40))
    counts = []
    for more in (1, 11):
        for _ in range(more):
            lapsed(placed(alice(), (pot, 1)))
        reader.get(reverse("inbox"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            reader.get(reverse("inbox"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_long_lists_have_pages_and_a_tab_of_unread_ones(reader: Client) -> None:
    """Fifteen to a page; what was read is not in the second tab."""
    pot = sku(teapot(40))
    for _ in range(17):
        placed(alice(), (pot, 1))
    assert len(reader.get(reverse("inbox")).context["entries"]) == 15
    assert len(reader.get(reverse("inbox"), {"page": "2"}).context["entries"]) == 2
    inbox.read_all(alice().pk, up_to=inbox.mine(alice().pk)[1].pk)
    assert len(reader.get(reverse("inbox"), {"tab": "unread"}).context["entries"]) == 1


def test_an_empty_inbox_says_what_will_be_there(reader: Client) -> None:
    """Words, and a way on."""
    said = text(reader.get(reverse("inbox")))
    assert "No notices here" in said
    assert "Mark all as read" not in said


def test_every_kind_has_words_in_both_languages(reader: Client) -> None:
    """Placed, paid (goods and course, with and without money), shipped, refunded, returned: all can be read."""
    from shigu.orders import refunding, shipping
    from shigu.payments.models import Refund
    from shigu.payments.provider import Fate, RefundAnswer
    from shigu.payments.refunding import sent

    order = placed(alice(), (sku(teapot(5)), 1), (sku(python_course()), 1))
    paid(order, opened(order))
    shipping.ship(order.pk, by=alice().pk, carrier="SF <Express>", tracking_no="SF1")
    refunding.refund(order.pk, by=alice().pk)
    vain = placed(alice(), (sku(teapot(5)), 1))
    attempt = opened(vain)
    cancel(vain.pk, by=alice().pk)
    paid(vain, attempt)
    for refund in Refund.objects.filter(state=RefundState.SENDING):
        sent(refund.pk, RefundAnswer(Fate.SENT, "10000"), tries=refund.tries)
    answer = reader.get(reverse("inbox"))
    said = text(answer)
    for words in (
        "is placed",
        "is paid",
        "Your courses are open.",
        "You hear from us when it is on its way.",
        "SF &lt;Express&gt; has it, tracking number SF1.",
        "is refunded",
        "went back by the original route",
        "came back to you",
        "which was cancelled",
    ):
        assert words in said, words
    assert len(answer.context["entries"]) == 6
    reader.cookies.clear()
    reader.force_login(alice())
    chinese = text(reader.get(reverse("inbox")))
    for words in ("已提交", "已支付", "课程已开通", "已发货", "已退款", "已退还给你"):
        assert words in chinese, words


# -- mails -------------------------------------------------------------------------------------------


def test_mails_are_chosen_in_the_settings(reader: Client, order: Order) -> None:
    """Unticked kinds are silent from then on, ticked ones come again; the language is remembered."""
    page = reader.get(reverse("profile"))
    names = [name for name, _, on in page.context["mails"] if on]
    assert {"order.placed", "order.paid"} <= set(names)
    assert page.content.count(b'name="mail"') == len(names)
    keep = [name for name in names if name != "order.placed"]
    answer = reader.post(reverse("choose_mails"), {"mail": keep, "language": "en"}, follow=True)
    assert "Your choice of mails is saved." in text(answer)
    assert choosing.wanted(alice().pk)["order.placed"] is False
    assert User.objects.get(pk=alice().pk).language == "en"
    reader.post(reverse("choose_mails"), {"mail": names, "language": "en"})
    assert all(choosing.wanted(alice().pk).values())


@pytest.mark.parametrize("junk", [*JUNK, "xx", "zh-hans; DROP", "../../etc"])
def test_a_language_nobody_speaks_changes_nothing(reader: Client, junk: str) -> None:
    """Neither in the settings nor by the switch; unknown kinds of mail are passed over."""
    User.objects.filter(pk=alice().pk).update(language="en")
    kinds = [*choosing.wanted(alice().pk), junk]
    assert (
        reader.post(reverse("choose_mails"), {"mail": kinds, "language": junk}).status_code == 302
    )
    assert reader.post(reverse("set_language"), {"language": junk}).status_code in (204, 302)
    assert User.objects.get(pk=alice().pk).language == "en"
    assert not Silence.objects.exists()


def test_switching_the_language_is_remembered_for_mails(reader: Client, client: Client) -> None:
    """Django's own switch goes on working, also for visitors; bob's language stays bob's."""
    bob()
    reader.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert User.objects.get(pk=alice().pk).language == "en"
    assert User.objects.get(pk=bob().pk).language == ""
    answer = Client().post(reverse("set_language"), {"language": "en", "next": "/"})
    assert answer.cookies["django_language"].value == "en"


def test_whoever_joins_gets_mails_in_the_language_of_the_page() -> None:
    """Signed up in English, remembered as English."""
    paper = {"username": "dora", "email": "dora@shigu.test", "password1": "drums-at-noon-300"}
    Client(headers={"accept-language": "en"}).post(reverse("account_signup"), paper)
    assert User.objects.get(username="dora").language == "en"
