"""Each event of an order tells its buyer once on each channel, in its own transaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.accounts.models import User
from shigu.clock.drain import drain
from shigu.notices import choosing, inbox
from shigu.notices.letters import letters
from shigu.notices.models import Notice, State
from shigu.notices.outbox import Told, tell
from shigu.orders import refunding, shipping
from shigu.orders.models import Order, Status
from shigu.payments.models import Refund
from shigu.payments.provider import Fate, RefundAnswer
from shigu.payments.refunding import sent
from tests.auditing import assert_audit_holds
from tests.notices.telling import became, deliver, pass_time, told
from tests.races.market import Market


def money_is_back() -> None:
    """The provider has sent what was on its way."""
    for refund in Refund.objects.filter(state="sending"):
        sent(refund.pk, RefundAnswer(Fate.SENT, "10000"), tries=refund.tries)


def test_a_life_is_told_step_by_step(market: Market) -> None:
    """Placed, paid, shipped and refunded: one row for each on both channels, and the audit agrees."""
    order = market.ordered(pieces=2)
    market.paid(market.opened(order))
    shipping.ship(order.pk, by=market.alice.pk, carrier="顺丰", tracking_no="SF1")
    refunding.refund(order.pk, by=market.alice.pk)
    money_is_back()
    steps = [("placed", 0), ("paid", 0), ("shipped", 0), ("refunded", 0)]
    assert told(market.alice) == told(market.alice, "mail") == steps
    assert_audit_holds()


def test_lapsing_again_tells_again_each_round_once(market: Market) -> None:
    """Lapsed, restored and lapsed again: two notices, one for each round, however often it is said."""
    order = market.ordered()
    market.lapse(order)
    market.restore(order)
    market.lapse(order)
    lapsed = [step for step in told(market.alice) if step[0] == "lapsed"]
    assert lapsed == [("lapsed", 0), ("lapsed", 1)]
    count = Notice.objects.count()
    again = Told(market.alice.pk, order.pk, 1)
    assert tell("order.lapsed", [again, again], at=clock.now()) == 0
    assert Notice.objects.count() == count
    assert_audit_holds()


def test_the_inbox_is_there_with_the_commit_and_the_mail_waits(market: Market) -> None:
    """The inbox needs no clock; the mail is due at the moment of the event."""
    order = market.ordered()
    entry, letter = Notice.objects.filter(subject=order.pk).order_by("channel")
    assert (entry.channel, entry.state, entry.due_at) == ("inbox", State.KEPT, None)
    assert (letter.channel, letter.state, letter.due_at) == ("mail", State.WAITING, order.placed_at)
    assert entry.at == letter.at == order.placed_at
    assert inbox.unread(market.alice.pk) == 1


def test_what_is_undone_was_never_told(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expiry that fails after it has told takes its notices back with everything else."""
    from shigu.orders import expiry

    order = market.ordered()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the shelf is gone")

    monkeypatch.setattr(expiry, "give_back", broken)
    market.over(order)
    assert drain("orders.expire").failed == 1
    assert told(market.alice) == [("placed", 0)]
    assert market.status(order) == Status.UNPAID


def test_a_notice_never_breaks_its_event(market: Market) -> None:
    """A row of the same key that stands already is passed over; the order lapses all the same."""
    order = market.ordered()
    with transaction.atomic():
        tell("order.lapsed", [Told(market.alice.pk, order.pk)], at=clock.now())
    market.lapse(order)
    assert market.status(order) == Status.EXPIRED
    assert told(market.alice).count(("lapsed", 0)) == 1


def test_however_many_lapse_telling_them_is_one_statement(market: Market) -> None:
    """One INSERT … SELECT for the whole batch."""
    from shigu.orders import telling

    orders = [market.ordered(buyer).pk for buyer in market.buyers(5)]
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        assert telling.tell("order.lapsed", orders, at=clock.now()) == 10
    told_by = [query["sql"] for query in queries if "orders_order" in query["sql"]]
    assert len(told_by) == 1


def test_whoever_has_no_mail_address_reads_the_inbox(market: Market) -> None:
    """No row of the mail channel is written for somebody who has no address, or who is inactive."""
    User.objects.filter(pk=market.alice.pk).update(email="")
    bob = market.buyer("bob")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    market.ordered()
    market.ordered(bob)
    assert told(market.alice) == told(bob) == [("placed", 0)]
    assert told(market.alice, "mail") == told(bob, "mail") == []
    assert_audit_holds()


def test_a_kind_can_be_switched_off_for_mail_not_for_the_inbox(market: Market) -> None:
    """Silence keeps the inbox; switched on again it mails from then on; other people hear as before."""
    wanted = {name for name, on in choosing.wanted(market.alice.pk).items() if on}
    assert "order.placed" in wanted
    choosing.choose(market.alice.pk, wanted - {"order.placed"})
    order = market.ordered()
    bob = market.buyer("bob")
    market.ordered(bob)
    market.paid(market.opened(order))
    assert told(market.alice) == [("placed", 0), ("paid", 0)]
    assert told(market.alice, "mail") == [("paid", 0)]
    assert told(bob, "mail") == [("placed", 0)]
    choosing.choose(market.alice.pk, wanted)
    market.ordered()
    assert told(market.alice, "mail")[-1] == ("placed", 0)


def test_silence_holds_for_what_waits_already(market: Market) -> None:
    """A mail switched off before it left is withdrawn."""
    market.ordered()
    choosing.choose(market.alice.pk, {"order.paid"})
    deliver()
    assert became(market.alice) == {"placed": "withdrawn"}
    assert mail.outbox == []


# -- about to lapse ---------------------------------------------------------------------------------


def test_a_reminder_comes_a_few_minutes_before_the_end(market: Market) -> None:
    """Nothing at nine minutes, one reminder at eleven, none again; and it says until when."""
    order = market.ordered()
    pass_time(minutes=9)
    assert drain("orders.remind").claimed == 0
    pass_time(minutes=2)
    assert drain("orders.remind").affected == 1
    assert drain("orders.remind").claimed == 0
    assert told(market.alice) == [("placed", 0), ("closing", 0)]
    notice = Notice.objects.get(event="order.closing", channel="inbox")
    assert letters([notice])[notice.pk].page.endswith(f"/{order.number}/")
    assert_audit_holds()


def test_whatever_ends_an_order_withdraws_its_reminder(market: Market) -> None:
    """Paid, cancelled or lapsed: nothing rings at the moment at which it would have reminded."""
    paid, cancelled, lapsed = (market.ordered() for _ in range(3))
    market.paid(market.opened(paid))
    market.cancel(cancelled)
    market.lapse(lapsed)
    pass_time(minutes=11)
    assert drain("orders.remind").claimed == 0


def test_a_reminder_that_waits_for_the_mail_server_is_withdrawn_with_payment(
    market: Market,
) -> None:
    """Written at minute eleven, the order paid before the mail left: it never leaves."""
    order = market.ordered()
    pass_time(minutes=11)
    drain("orders.remind")
    market.paid(market.opened(order))
    deliver()
    assert became(market.alice) == {"placed": "withdrawn", "closing": "withdrawn", "paid": "sent"}
    assert len(mail.outbox) == 1


def test_a_restored_order_is_reminded_anew(market: Market) -> None:
    """The fresh window has a reminder of its own."""
    order = market.ordered()
    market.lapse(order)
    market.restore(order)
    pass_time(minutes=11)
    drain("orders.remind")
    assert told(market.alice)[-1] == ("closing", 1)


def test_short_windows_have_no_reminder(market: Market, settings: Any) -> None:
    """Nobody is reminded of what they did a moment ago."""
    settings.PAY_WINDOW = 2 * settings.REMIND_BEFORE - settings.REMIND_BEFORE / 60
    assert market.ordered().remind_at is None
    settings.PAY_WINDOW = 2 * settings.REMIND_BEFORE
    assert market.ordered().remind_at is not None


def test_a_clock_that_was_down_does_not_remind_of_what_is_over(market: Market) -> None:
    """Both due when it comes back: the reminder says nothing."""
    market.ordered()
    pass_time(minutes=16)
    assert drain("orders.remind").affected == 1
    assert told(market.alice) == [("placed", 0)]
    assert Order.objects.get().remind_at is None


# -- money that came in vain ------------------------------------------------------------------------


def test_money_that_came_in_vain_is_told_when_it_is_back(market: Market) -> None:
    """Paid after cancelling: once the money is back its buyer hears how much, and by which way."""
    order = market.ordered()
    attempt = market.opened(order)
    market.cancel(order)
    market.paid(attempt)
    assert told(market.alice) == [("placed", 0)]
    money_is_back()
    assert told(market.alice) == [("placed", 0), ("returned", 0)]
    notice = Notice.objects.get(event="order.returned", channel="inbox")
    letter = letters([notice])[notice.pk]
    assert "268.00" in letter.title
    assert order.number in letter.text
    assert_audit_holds()
