"""Top-ups that are asked for, paid and told of several times at once: one wish, one payment on the balance."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import QuerySet

from shigu.kit import breakpoints
from shigu.payments import booking, locks, notices
from shigu.payments.models import Notice, Outcome, Refund, Why
from shigu.wallet.handlers import TopUpPurpose
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for
from tests.auditing import assert_audit_holds
from tests.payments.shopfront import notify_fields, private_key, signed_notify
from tests.races.market import Market
from tests.races.test_wallet import booked
from tests.races.together import settled_or_blocked, start, stopped_at, together
from tests.races.unguarded import unlocked_attempts
from tests.wallet.purse import asked, has, opened, told


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a top-up nor its attempts are locked."""
    monkeypatch.setattr(TopUpPurpose, "lock", lambda self, ids: None)
    monkeypatch.setattr(locks, "attempts_of_locked", unlocked_attempts)


# -- asked for six times ---------------------------------------------------------------------------------


def six_wishes(market: Market) -> None:
    """One button, pressed six times, on six connections."""
    answers = together(*[lambda: ask_for(market.alice.pk, 5_000, key="the button")] * 6)
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    assert not errors, repr(errors[0])
    assert {answer.number for answer in answers} == {TopUp.objects.get().number}


def test_six_wishes_are_one_top_up(market: Market) -> None:
    """All of them are given the same one."""
    six_wishes(market)
    assert_audit_holds()


def test_control_without_looking_who_was_first_they_fall_over_the_key(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: an insert that does not pass by the first one's is an error for the other five."""
    real = QuerySet.bulk_create

    def bluntly(rows: Any, fresh: Sequence[Any], **_: Any) -> Any:
        return real(rows, fresh)

    monkeypatch.setattr(QuerySet, "bulk_create", bluntly)
    with pytest.raises(AssertionError, match="top_up_key_once"):
        six_wishes(market)


# -- paid in two ways --------------------------------------------------------------------------------------


def paid_twice(market: Market) -> None:
    """Alice pays on her desk and on her phone; the first payment is not committed when the second comes."""
    top_up = asked(market.alice, 20_000)
    desk, phone = opened(top_up), opened(top_up, "wap")
    with stopped_at("payments.settle.committing") as stop:
        first = start(lambda: told(desk))
        stop.wait()
        second = start(lambda: told(phone))
        settled_or_blocked(second)
        stop.release()
        outcomes = [first.result(), second.result()]
    assert (has(market.alice), booked("top-up")) == (20_000, 1), repr(outcomes)
    assert outcomes == [Outcome.SETTLED, Outcome.RETURNED]
    refund = Refund.objects.get()
    assert (refund.attempt_id, refund.amount, refund.why) == (phone.pk, 20_000, Why.SURPLUS)
    assert_audit_holds()


def test_a_top_up_paid_in_two_ways_counts_once(market: Market) -> None:
    """¥200 on the balance; the second ¥200 go back to where they came from."""
    paid_twice(market)


@pytest.mark.usefixtures("unlocked")
def test_control_without_the_locks_both_count(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: not even the balance is locked; both read "unpaid", and both are put on it."""
    other = opened(asked(market.alice))
    with transaction.atomic():
        booking.lock([other])  # the balance is there: nothing is missing but its lock
    monkeypatch.setattr(booking, "lock", lambda attempts: {})
    with pytest.raises(AssertionError, match=r"\(40000, 2\) == \(20000, 1\)"):
        paid_twice(market)


# -- one top-up, told twenty times at once ------------------------------------------------------------


def told_twenty_times(market: Market) -> None:
    """Half of them the same notice, half with numbers of their own, all of one payment."""
    attempt = opened(asked(market.alice, 20_000))
    folder = Path(django_settings.ALIPAY_SIMULATOR_DIR)
    key = private_key((folder / "alipay_private.pem").read_bytes())
    fields = notify_fields(attempt, json.loads((folder / "app.json").read_text()))
    numbers = ["same"] * 10 + [f"own-{n}" for n in range(10)]
    bodies = [signed_notify(key, **fields | {"notify_id": number}) for number in numbers]
    answers = together(*[lambda body=body: notices.hear("alipay", body) for body in bodies])
    assert answers == [True] * 20
    outcomes = sorted(Notice.objects.values_list("outcome", flat=True))
    assert outcomes == sorted([Outcome.SETTLED] + [Outcome.REPEATED] * 10)
    assert (has(market.alice), booked("top-up")) == (20_000, 1)
    assert_audit_holds()


def test_a_top_up_told_twenty_times_counts_once(market: Market) -> None:
    """¥200 on the balance, not ¥4 000, and every notify is answered "success"."""
    told_twenty_times(market)


@pytest.mark.usefixtures("unlocked")
def test_control_without_the_locks_they_fall_over_one_another(market: Market) -> None:
    """Negative control: all of them read "undecided", and only the look at the row that is written is left."""
    gate = threading.Barrier(2)

    def meet() -> None:
        try:
            gate.wait(1)
        except threading.BrokenBarrierError:
            return

    with (
        breakpoints.at("payments.settle.locked", meet),
        pytest.raises(AssertionError, match="DecidedTwice"),
    ):
        told_twenty_times(market)
    assert (has(market.alice), booked("top-up")) == (20_000, 1)
