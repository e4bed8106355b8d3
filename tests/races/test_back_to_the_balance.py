"""A refund to the balance, and whoever carries it dies or is slow: the money comes back once."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections
from psycopg.conninfo import make_conninfo

from shigu import clock
from shigu.clock.drain import drain_all
from shigu.orders import refunding
from shigu.orders.models import Order, Status
from shigu.payments import refunding as money_back
from shigu.payments.models import Refund, RefundState
from shigu.payments.provider import Fate, RefundAnswer
from tests.auditing import assert_audit_holds
from tests.races.market import POT, Market
from tests.races.test_wallet import booked, pay
from tests.races.together import settled_or_blocked, start, stopped_at
from tests.wallet.purse import has, topped_up

DIE = """
import os, sys
import django; django.setup()
from shigu.kit import breakpoints
from shigu.clock.drain import drain
with breakpoints.at(sys.argv[1], lambda: os._exit(9)):
    drain("payments.send")
"""


def dies_at(place: str) -> None:
    """Another process sends what is due and is gone at this place."""
    entry = connections.settings["default"]
    parts = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    url = make_conninfo(**{name: entry[key] for name, key in parts.items() if entry[key]})
    told = {
        "DATABASE_URL": url,
        "ALIPAY_SIMULATOR_DIR": django_settings.ALIPAY_SIMULATOR_DIR,
        "DJANGO_SETTINGS_MODULE": "shigu.settings",
    }
    here = Path(__file__).resolve().parents[2]
    died = subprocess.run(
        [sys.executable, "-c", DIE, place], env=os.environ | told, cwd=here, timeout=60, check=False
    )
    assert died.returncode == 9


def refunding_order(market: Market) -> Order:
    """Paid from the balance, its refund decided and due."""
    topped_up(market.alice, POT)
    order = market.ordered()
    pay(order)
    refunding.refund(order.pk, by=market.alice.pk)
    return order


@pytest.mark.parametrize(
    "place",
    [
        "clock.call.claimed",
        "payments.refund.answered",
        "clock.call.answered",
        "payments.refund.recording",
    ],
)
def test_whoever_dies_on_the_way_the_money_comes_once(market: Market, place: str) -> None:
    """Killed before, between and in the middle of recording: not there yet, and there once afterwards."""
    order = refunding_order(market)
    dies_at(place)
    assert (has(market.alice), market.status(order)) == (0, Status.PAID)
    assert Refund.objects.get().state == RefundState.SENDING
    assert_audit_holds()
    clock.shift(8 * django_settings.ALIPAY_TIMEOUT + timedelta(seconds=1))
    drain_all()
    assert (has(market.alice), market.status(order)) == (POT, Status.REFUNDED)
    assert booked("refunded") == 1
    assert_audit_holds()


def sent_by_two(market: Market) -> None:
    """A slow worker's lease ran out, a second one sends the same refund: both want to write it down."""
    refunding_order(market)
    refund = Refund.objects.get()
    sent = RefundAnswer(Fate.SENT)
    with stopped_at("payments.refund.recording") as stop:
        one = start(lambda: money_back.sent(refund.pk, sent, tries=refund.tries))
        stop.wait()
        two = start(lambda: money_back.sent(refund.pk, sent, tries=refund.tries))
        settled_or_blocked(two)
        stop.release()
        results = one.result(), two.result()
    assert results[0] is None, results
    assert isinstance(results[1], clock.StaleClaim), results
    assert (has(market.alice), booked("refunded")) == (POT, 1)
    assert_audit_holds()


def test_two_senders_put_it_there_once(market: Market) -> None:
    """The second one's answer is stale."""
    sent_by_two(market)


def test_control_without_the_claims_count_the_second_one_goes_on(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: it takes the order back again, and only the ledger's key stops it."""
    monkeypatch.setattr(clock.StaleClaim, "unless", lambda current: None)
    with pytest.raises(AssertionError, match="transfer_once"):
        sent_by_two(market)
    assert (has(market.alice), booked("refunded")) == (POT, 1)
