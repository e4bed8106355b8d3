"""The back office's money rooms: they open, nobody edits, and the two acts do what they say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from shigu import clock
from shigu.accounts.models import User
from shigu.payments.models import Attempt, Notice, NoticeTally, Refund
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle
from tests.payments.shopfront import PRICE, Shop, everything, now_of

LISTS = ["attempt", "notice", "refund", "noticetally"]


@pytest.fixture
def rows(shop: Shop) -> tuple[Attempt, Refund]:
    """One of everything: a settled payment, an open one, a refused refund, a notice, a tally."""
    paid, open_one = shop.open(shop.order()).attempt, shop.open(shop.order()).attempt
    settle("alipay", Answer(paid.out_trade_no, Standing.PAID, amount=PRICE, trade_no="t"))
    now = clock.now()
    refund = Refund.objects.create(
        attempt=paid,
        amount=1,
        why="late",
        request_no="r",
        state="refused",
        try_at=now,
        started_at=now,
    )
    Notice.objects.create(
        provider="alipay",
        notify_id="n",
        out_trade_no="<script>",
        trade_status="x",
        raw="<script>alert(1)</script>",
        received_at=now,
    )
    NoticeTally.objects.create(day=now.date(), provider="alipay", why="signature", count=3)
    return open_one, refund


@pytest.fixture
def operator(shop: Shop) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", LISTS)
def test_rooms_open(rows: object, operator: Client, name: str, language: str) -> None:
    """List, filter of what to look at, search and detail are shown; what came from outside is escaped."""
    address = reverse(f"admin:payments_{name}_changelist")
    headers = {"accept-language": language}
    for query in ({}, {"odd": "1"}, {"q": "r"}) if name != "noticetally" else ({},):
        answer = operator.get(address, query, headers=headers)
        assert answer.status_code == 200
        assert b"<script>alert(1)" not in answer.content
    models = {"attempt": Attempt, "notice": Notice, "refund": Refund, "noticetally": NoticeTally}
    pk = models[name].objects.order_by("pk")[0].pk  # type: ignore[attr-defined]
    answer = operator.get(reverse(f"admin:payments_{name}_change", args=[pk]), headers=headers)
    assert answer.status_code == 200
    assert b"<script>alert(1)" not in answer.content


@pytest.mark.parametrize("name", LISTS)
def test_nobody_edits(rows: object, operator: Client, name: str) -> None:
    """Not even a superuser adds, changes or deletes a row of money by hand."""
    before = everything()
    assert operator.get(reverse(f"admin:payments_{name}_add")).status_code == 403
    models = {"attempt": Attempt, "notice": Notice, "refund": Refund, "noticetally": NoticeTally}
    pk = models[name].objects.order_by("pk")[0].pk  # type: ignore[attr-defined]
    assert operator.post(reverse(f"admin:payments_{name}_change", args=[pk])).status_code == 403
    assert operator.post(reverse(f"admin:payments_{name}_delete", args=[pk])).status_code == 403
    assert everything() == before


def act(client: Client, name: str, action: str, pk: int) -> int:
    chosen = {"action": action, "_selected_action": [pk]}
    return client.post(reverse(f"admin:payments_{name}_changelist"), chosen).status_code


def test_ask_now(rows: tuple[Attempt, Refund], operator: Client) -> None:
    """The provider is asked for an open payment at once."""
    open_one, _ = rows
    assert act(operator, "attempt", "ask_now", open_one.pk) == 302
    assert now_of(open_one).ask_at <= clock.now()
    assert now_of(open_one).unwanted_at is None


def test_send_again(rows: tuple[Attempt, Refund], operator: Client) -> None:
    """A refused refund is sent again under its own number, and the log says by whom."""
    from django.contrib.admin.models import LogEntry

    _, refund = rows
    assert act(operator, "refund", "send_again", refund.pk) == 302
    row = now_of(refund)
    assert (row.state, row.request_no) == ("sending", "r")
    assert row.try_at <= clock.now() + timedelta(seconds=1)
    assert LogEntry.objects.filter(object_id=str(refund.pk)).count() == 1


def test_who_may_only_look(rows: tuple[Attempt, Refund]) -> None:
    """With the right to view, rows are seen and acts do nothing."""
    _, refund = rows
    clerk = User.objects.create_user("carol", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_refund"))
    client = Client()
    client.force_login(clerk)
    before = everything()
    assert client.get(reverse("admin:payments_refund_changelist")).status_code == 200
    act(client, "refund", "send_again", refund.pk)
    assert everything() == before
    assert client.get(reverse("admin:payments_attempt_changelist")).status_code == 403
