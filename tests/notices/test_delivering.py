"""Mails leave once, in their reader's language, and what cannot leave is tried again, refused or given up."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as shop
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from shigu.accounts.models import User
from shigu.notices.models import Notice, State
from tests.auditing import assert_audit_holds
from tests.notices.telling import became, deliver, pass_time
from tests.races.market import Market


def language(user: User, code: str) -> None:
    User.objects.filter(pk=user.pk).update(language=code)


def refusing(monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> list[str]:
    """The mail server answers so, one after the other, then takes everything; what it was asked."""
    asked: list[str] = []
    answers = list(errors)
    real = EmailMultiAlternatives.send

    def send(message: EmailMultiAlternatives, **options: Any) -> int:
        asked.append(message.extra_headers["Message-ID"])
        error = answers.pop(0) if answers else None
        if error:
            raise error
        return real(message, **options)

    monkeypatch.setattr(EmailMultiAlternatives, "send", send)
    return asked


def test_a_mail_is_sent_once(market: Market) -> None:
    """The clock comes by as often as it likes: one mail."""
    market.ordered()
    for _ in range(3):
        deliver()
    assert became(market.alice) == {"placed": "sent"}
    [message] = mail.outbox
    assert message.to == ["alice@example.org"]
    assert_audit_holds()


def test_a_mail_has_two_parts_in_the_readers_language(market: Market) -> None:
    """Chinese by default, English for whoever chose it; text and HTML say the same."""
    bob = market.buyer("bob")
    language(bob, "en")
    for buyer in (market.alice, bob):
        market.ordered(buyer, pieces=2)
    deliver()
    chinese, english = sorted(mail.outbox, key=lambda one: one.to)
    assert isinstance(chinese, EmailMultiAlternatives)
    assert isinstance(english, EmailMultiAlternatives)
    [html] = english.alternatives
    assert english.subject.startswith("Your order ")
    assert "订单" in chinese.subject
    for part in (english.body, str(html.content)):
        assert "held for you until" in part
        assert "¥536.00" in part
        assert f"{shop.SITE_URL}/me/orders/" in part
    assert 'lang="zh-hans"' in str(chinese.alternatives[0].content)


def test_what_people_wrote_is_escaped_in_html(market: Market) -> None:
    """A nickname is text, never mark-up, and cannot reach the headers."""
    User.objects.filter(pk=market.alice.pk).update(nickname="<b>Ali\nBcc: x@y.test</b>")
    market.ordered()
    deliver()
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    html = str(message.alternatives[0].content)
    assert "&lt;b&gt;Ali" in html
    assert "<b>Ali" not in html
    assert "Bcc" not in message.message()


def test_its_name_follows_from_the_row_and_holds_no_secret(market: Market) -> None:
    """Message-ID and X-Shigu-Notice never change for one row, differ between rows, and tell nothing."""
    order = market.ordered()
    deliver()
    Notice.objects.filter(channel="mail").update(state=State.WAITING, due_at=order.placed_at)
    deliver()
    first, again = mail.outbox
    assert first.extra_headers == again.extra_headers
    assert first.extra_headers["Message-ID"].startswith("<")
    market.ordered()
    deliver()
    assert mail.outbox[-1].extra_headers["Message-ID"] != first.extra_headers["Message-ID"]
    written = first.message().as_string()
    assert shop.SECRET_KEY not in written
    assert market.alice.password not in written or not market.alice.password


def test_a_server_that_is_away_is_tried_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not reached: nothing is lost, the same mail leaves after a backoff, once."""
    asked = refusing(monkeypatch, ConnectionRefusedError("nobody there"))
    market.ordered()
    assert deliver().failed == 1
    assert became(market.alice) == {"placed": "waiting"}
    assert deliver().claimed == 0
    pass_time(minutes=1)
    deliver()
    assert became(market.alice) == {"placed": "sent"}
    assert len(mail.outbox) == 1
    assert len(set(asked)) == 1


def test_an_address_that_does_not_exist_is_not_tried_for_ever(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """550 is final; 450 is not."""
    refusing(
        monkeypatch,
        smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"no such user")}),
        smtplib.SMTPRecipientsRefused({"bob@example.org": (450, b"try later")}),
    )
    market.ordered()
    deliver()
    assert became(market.alice) == {"placed": "refused"}
    bob = market.buyer("bob")
    market.ordered(bob)
    deliver()
    assert became(bob) == {"placed": "waiting"}
    assert mail.outbox == []
    assert_audit_holds()


def test_old_news_is_given_up(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server away for longer than `NOTICES_PATIENCE`: nobody gets a mail about last week."""
    order = market.ordered()
    market.paid(market.opened(order))
    pass_time(days=2, minutes=1)
    deliver()
    assert became(market.alice) == {"placed": "given-up", "paid": "given-up"}
    assert mail.outbox == []
    assert_audit_holds()


def test_the_present_address_is_used(market: Market) -> None:
    """Whoever changed the address before the mail left gets it at the new one; without one, not at all."""
    market.ordered()
    User.objects.filter(pk=market.alice.pk).update(email="new@example.org")
    deliver()
    assert mail.outbox[0].to == ["new@example.org"]
    market.ordered()
    User.objects.filter(pk=market.alice.pk).update(email="")
    deliver()
    assert len(mail.outbox) == 1
    assert Notice.objects.filter(channel="mail", state=State.WITHDRAWN).count() == 1


def test_a_lapse_that_was_undone_is_not_mailed(market: Market) -> None:
    """Restored before the mail left: it would only frighten."""
    order = market.ordered()
    market.over(order)
    from shigu.clock.drain import drain

    drain("orders.expire")
    market.restore(order)
    deliver()
    assert became(market.alice)["lapsed"] == "withdrawn"
    assert became(market.alice)["placed"] == "withdrawn"
    assert mail.outbox == []


def test_the_lease_is_longer_than_a_mail_may_take() -> None:
    """A mail has about ten exchanges with its server; the lease is more than twice all their time-outs."""
    from shigu.clock.kinds import Leased, find

    kind = find("notices.deliver")
    assert isinstance(kind, Leased)
    assert kind.lease > 2 * 10 * timedelta(seconds=shop.EMAIL_TIMEOUT)
