"""The audit finds each way in which people are told too little or too much; old rows are forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from shigu import clock
from shigu.kit.auditing import audits, offending
from shigu.notices import inbox
from shigu.notices.forgetting import forget
from shigu.notices.models import Notice
from tests.auditing import assert_audit_holds
from tests.notices.telling import deliver, pass_time
from tests.races.market import Market

TOLD = "every order that was placed, paid, shipped, refunded or lapsed told its buyer once"
TOO = "whoever is told through another channel has it in the inbox, too"
WHEN = "what was sent says when, and what waits or is kept does not"
LATE = "nobody is reminded of an order after its time is over"

NEVER = """
INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, tries)
SELECT 'order.shipped', subject, 0, user_id, channel, facts, at, state, 0
  FROM notices_notice WHERE channel = 'inbox' AND event = 'order.placed'
"""
WAYS = [
    (TOLD, "DELETE FROM notices_notice WHERE event = 'order.paid' AND channel = 'inbox'"),
    (TOLD, "DELETE FROM notices_notice WHERE event = 'order.placed'"),
    (TOLD, NEVER),
    (
        TOLD,
        "UPDATE notices_notice SET user_id = (SELECT id FROM accounts_user WHERE username = 'bob')",
    ),
    (TOLD, "UPDATE notices_notice SET event = 'order.lapsed' WHERE event = 'order.paid'"),
    (TOO, "DELETE FROM notices_notice WHERE channel = 'inbox' AND event = 'order.paid'"),
    (WHEN, "UPDATE notices_notice SET ended_at = NULL WHERE state = 'sent'"),
    (WHEN, "UPDATE notices_notice SET tries = 0 WHERE state = 'sent'"),
    (WHEN, "UPDATE notices_notice SET state = 'sent', tries = 1 WHERE channel = 'inbox'"),
    (WHEN, "UPDATE notices_notice SET read_at = at WHERE channel = 'mail'"),
    (
        LATE,
        "UPDATE notices_notice SET event = 'order.closing', at = at + interval '15 minutes'"
        " WHERE event = 'order.placed'",
    ),
]


def broken() -> set[str]:
    """Titles of what does not hold, untranslated."""
    from django.utils.translation import override

    with override("en"):
        return {str(invariant.title) for invariant in audits if offending(invariant)}


@pytest.mark.parametrize(("title", "plant"), WAYS)
def test_each_promise_is_broken_by_what_breaks_it(market: Market, title: str, plant: str) -> None:
    """A missing, doubled, foreign or untimely notice: the audit names the promise."""
    market.buyer("bob")
    order = market.ordered()
    market.paid(market.opened(order))
    deliver()
    assert broken() == set()
    with connection.cursor() as cursor:
        cursor.execute(plant)
        assert cursor.rowcount > 0
    assert title in broken()


def test_what_was_before_notices_existed_needs_none(market: Market) -> None:
    """Orders from before the migration are not asked about; those since are."""
    market.ordered()
    Notice.objects.all().delete()
    assert TOLD in broken()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET applied = shigu_clock()"
            " WHERE app = 'notices' AND name = '0001_initial'"
        )
    assert broken() == set()
    market.ordered()
    assert_audit_holds()
    Notice.objects.all().delete()
    assert TOLD in broken()


def test_read_entries_and_ended_mails_are_forgotten_in_time(market: Market, settings: Any) -> None:
    """Half a year on: what was read and what was sent go, what is unread stays, and the audit holds."""
    order = market.ordered()
    market.paid(market.opened(order))
    deliver()
    first, second = inbox.mine(market.alice.pk).order_by("pk")
    inbox.read(market.alice.pk, first.pk)
    forget(now=clock.now())
    assert Notice.objects.count() == 4
    pass_time(days=settings.NOTICES_KEPT / timedelta(days=1) + 1)
    market.ordered()
    forget(now=clock.now())
    assert [row.pk for row in inbox.mine(market.alice.pk).order_by("pk")][:1] == [second.pk]
    assert Notice.objects.count() == 3  # the unread one, and the two of today
    assert_audit_holds()


def test_many_are_forgotten_chunk_by_chunk(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one chunk goes in one run."""
    from shigu.notices import forgetting

    monkeypatch.setattr(forgetting, "CHUNK", 2)
    for _ in range(3):
        market.ordered()
    inbox.read_all(market.alice.pk, up_to=10**9)
    pass_time(days=200)
    deliver()  # old news: given up, and old
    forget(now=clock.now())
    assert Notice.objects.count() == 0


@pytest.mark.parametrize("unread", [True, False])
def test_the_badge_and_the_list_walk_their_index(market: Market, unread: bool) -> None:
    """Both ask for one person's entries, newest first: one index answers them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "notice_mine" in inbox.mine(market.alice.pk, unread=unread)[:15].explain()
