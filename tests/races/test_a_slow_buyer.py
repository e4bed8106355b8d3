"""A buyer who is slow with the last pieces keeps the clock waiting, but does not make its batches smaller."""

from __future__ import annotations

import threading

import pytest
from django.db import transaction

from shigu import clock
from shigu.catalogue import stock
from shigu.clock import memory as memories
from shigu.clock.drain import drain
from shigu.clock.memory import Memory
from shigu.orders.models import Status
from tests.auditing import assert_audit_holds
from tests.races.market import Market
from tests.races.together import start, wait_until_blocked

SLOW = 0.6
"""Seconds somebody holds the SKU: more than twice what a batch aims at here."""


@pytest.fixture(autouse=True)
def _eight_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a batch would not be cut at all: what takes long then is the machine, not the rows.

    Where it is, a slow machine must not do it: what a batch of eight takes there is brief, `SLOW` is not.
    """
    monkeypatch.setattr(memories, "LEAST", 1)
    monkeypatch.setattr("shigu.clock.kinds.Rings.aim", 0.25)


def expired_behind_a_slow_buyer(market: Market) -> int:
    """Eight orders lapse while somebody holds their SKU; how large the next batch may be."""
    orders = [market.ordered() for _ in range(8)]
    for order in orders:
        market.over(order)
    memory, has_it = Memory(batch=8), threading.Event()

    def dawdle() -> None:
        with transaction.atomic():
            stock.locked_free([market.pot.pk])
            has_it.set()
            wait_until_blocked()
            threading.Event().wait(SLOW)

    slow = start(dawdle)
    assert has_it.wait(10)
    expired = drain("orders.expire", memory=memory, budget=0)
    assert slow.result() is None
    assert (expired.claimed, expired.affected) == (8, 8), expired
    assert {market.status(order) for order in orders} == {Status.EXPIRED}
    assert market.counts() == (10, 0, 0)
    assert_audit_holds()
    return memory.batch


def test_expiry_counts_what_it_holds(market: Market) -> None:
    """The wait for the SKU is not the batch's own: it is not cut."""
    assert expired_behind_a_slow_buyer(market) > 4


def test_control_expiry_that_counts_its_wait_shrinks(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: where giving back does not say when it has the SKUs, the batch is halved."""
    monkeypatch.setattr(clock, "locked", lambda: None)
    assert expired_behind_a_slow_buyer(market) == 4
