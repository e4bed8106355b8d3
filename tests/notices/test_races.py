"""Meetings around notices: paid and lapsed in one instant, two drains, a worker that dies after sending.

Each meeting is arranged at a named place; the same meeting without its guard must break something.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import connection

from shigu import clock
from shigu.clock import claiming
from shigu.clock.drain import drain
from shigu.notices import delivering, outbox
from shigu.notices.models import Notice, State
from shigu.orders import expiry, handlers
from shigu.orders.models import Order
from tests.auditing import assert_audit_holds
from tests.notices.telling import became, deliver, pass_time, told
from tests.races.market import Market
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import loose_claims, unlocked_orders

# -- settle × expire -----------------------------------------------------------------------------------


def pay_while_lapsing(market: Market) -> Order:
    """The payment holds the order when the clock comes by; exactly one of the two is told."""
    # Of a course: no count of pieces, whose constraint would save the order in the control.
    placed = market.place(market.alice, (market.course, 1))
    order = Order.objects.get(pk=placed.order_id)
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.settle.done") as stop:
        paying = start(lambda: market.paid(attempt))
        stop.wait()
        lapsing = start(lambda: drain("orders.expire"))
        settled_or_blocked(lapsing, 3)
        stop.release()
        paying.result(), lapsing.result()
    assert told(market.alice) == [("placed", 0), ("paid", 0)]
    assert told(market.alice, "mail") == [("placed", 0), ("paid", 0)]
    assert_audit_holds()
    return order


def test_paid_or_lapsed_is_told_never_both(market: Market) -> None:
    """The clock passes by an order that is being paid: its buyer hears "paid", not "lapsed"."""
    pay_while_lapsing(market)


def test_control_a_claim_without_its_lock_tells_both(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a claim that locks nothing, and no second look, lapse what is being paid."""
    loose_claims(monkeypatch)
    monkeypatch.setattr(expiry, "CLOSE", expiry.CLOSE.replace(" AND status = %(unpaid)s", ""))
    with pytest.raises(AssertionError, match="lapsed"):
        pay_while_lapsing(market)


def test_many_orders_paid_and_lapsed_at_once_tell_one_each(market: Market) -> None:
    """Twelve payments and the clock from one starting line: what is told is what is in the history."""
    orders = [market.ordered(market.buyer(f"b{n}")) for n in range(6)]
    attempts = [market.opened(order) for order in orders]
    for order in orders:
        market.over(order)
    paying = [lambda a=attempt: market.paid(a) for attempt in attempts]
    together(*paying, lambda: drain("orders.expire"), lambda: drain("orders.expire"))
    for order in orders:
        history = [e.why for e in order.events.order_by("pk")]
        heard = [step for step, _ in told(order.user)]
        assert heard in (["placed", "paid"], ["placed", "lapsed", "paid"]), (history, heard)
    assert_audit_holds()


def test_control_settling_without_the_order_lock_breaks_the_count(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: unlocked, the payment does not see that the order is being taken back."""
    monkeypatch.setattr(handlers, "locked_orders", unlocked_orders)
    order = market.ordered()
    attempt = market.opened(order)
    market.over(order)
    with stopped_at("orders.expire.claimed") as stop:
        lapsing = start(lambda: drain("orders.expire"))
        stop.wait()
        paying = start(lambda: market.paid(attempt))
        settled_or_blocked(paying)
        stop.release()
        lapsing.result(), paying.result()
    assert told(market.alice) != [("placed", 0), ("lapsed", 0), ("paid", 1)]


# -- two drains ----------------------------------------------------------------------------------------


def two_drains(market: Market) -> None:
    """The second comes while the first has the letter in its hand."""
    market.ordered()
    with stopped_at("notices.deliver.written") as stop:
        first = start(deliver)
        stop.wait()
        second = start(deliver)
        settled_or_blocked(second)
        stop.release()
        first.result(), second.result()
    assert len(mail.outbox) == 1
    assert became(market.alice) == {"placed": "sent"}


def test_two_drains_send_once(market: Market) -> None:
    """A claimed row is nobody else's until its lease is over."""
    two_drains(market)


def test_control_without_the_lease_both_send(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a claim that does not push the row ahead is made twice."""
    real = claiming.lease_query

    def loose(*arguments: Any) -> tuple[str, list[Any]]:
        query, values = real(*arguments)
        return query.replace("shigu_now() + %s", "shigu_now() - %s"), values

    monkeypatch.setattr(claiming, "lease_query", loose)
    with pytest.raises(AssertionError, match="2 == 1"):
        two_drains(market)


def test_many_drains_send_each_mail_once(market: Market) -> None:
    """Four drains at once over twenty mails: twenty mails."""
    for buyer in market.buyers(10):
        market.ordered(buyer, pieces=1)
    together(*[deliver] * 4)
    assert sorted(one.to[0] for one in mail.outbox) == sorted(
        f"buyer{n}@example.org" for n in range(10)
    )


# -- a worker dies ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """Somebody pulled the plug: nothing after it runs."""


def dying_at(place: str, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's call ends at `place` as if it had been killed: nothing is recorded, nothing set aside."""
    from shigu.clock import calling
    from shigu.kit import breakpoints

    def die() -> None:
        raise Killed

    real = calling._call

    def call(*arguments: Any) -> bool | None:
        try:
            return real(*arguments)
        except Killed:
            connection.close()
            return None

    with monkeypatch.context() as patch, breakpoints.at(place, die):
        patch.setattr(calling, "_call", call)
        deliver()


def test_a_worker_that_dies_before_sending_loses_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimed, then killed: after the lease the mail is sent, once."""
    market.ordered()
    dying_at("notices.deliver.written", market, monkeypatch)
    assert mail.outbox == []
    assert deliver().claimed == 0
    pass_time(minutes=6)
    deliver()
    assert len(mail.outbox) == 1
    assert became(market.alice) == {"placed": "sent"}


def test_the_one_way_to_double_a_mail_and_it_is_the_same_mail(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the server's yes and our record: it leaves again, under the same Message-ID."""
    market.ordered()
    dying_at("notices.deliver.sent", market, monkeypatch)
    assert len(mail.outbox) == 1
    pass_time(minutes=6)
    deliver()
    first, again = mail.outbox
    assert first.extra_headers["Message-ID"] == again.extra_headers["Message-ID"]
    assert became(market.alice) == {"placed": "sent"}
    assert_audit_holds()


def test_a_late_answer_of_an_earlier_claim_is_dropped(market: Market) -> None:
    """Its lease over and the row claimed anew: the old worker's word does not count."""
    market.ordered()
    notice = Notice.objects.get(channel="mail")
    Notice.objects.filter(pk=notice.pk).update(tries=2)
    with pytest.raises(clock.StaleClaim):
        delivering.ended(notice.pk, State.SENT, tries=1)
    notice.refresh_from_db()
    assert notice.state == State.WAITING


def test_told_twice_at_once_is_written_once(market: Market) -> None:
    """Two transactions tell the same thing in the same instant: the second waits, and writes nothing."""
    order = market.ordered()
    row = outbox.Told(market.alice.pk, order.pk)

    def tell() -> int:
        from django.db import transaction

        with transaction.atomic():
            return outbox.tell("order.shipped", [row], at=clock.now())

    assert sorted(together(tell, tell)) == [0, 2]
    assert told(market.alice).count(("shipped", 0)) == 1
