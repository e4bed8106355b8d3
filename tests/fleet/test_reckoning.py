"""The reckoning after the accidents is worth something: it sees each thing that could be wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from shigu.catalogue.models import Stock
from shigu.ledger.models import Account, Book, account
from shigu.orders.models import Order, OrderEvent, Status
from shigu.payments.models import Attempt
from shigu.promotions.models import Grant
from tests.fleet.chaos import figures, reckoning
from tests.fleet.chaos.buyers import Notebook
from tests.fleet.chaos.keeper import leftovers
from tests.notices.telling import deliver
from tests.races.market import Market

PIECES, CREDITS = 20, 900


class Day:
    """One order paid with coupon and credits, one lapsed, one cancelled; all of it told truly."""

    def __init__(self) -> None:
        self.market = Market(pieces=PIECES)
        self.buyer = self.market.alice
        self.market.give(self.buyer, CREDITS)
        self.notes = Notebook(self.buyer.pk)
        grant = self.market.grant(self.buyer)
        self.paid = self._ordered("paid", grant=grant, credits=100)
        self.market.paid(self.market.opened(self.paid))
        self.notes.paid.add(self.paid.number)
        self.lapsed = self._ordered("lapsed")
        Order.objects.filter(pk=self.lapsed.pk).update(pay_by=F("placed_at"))
        self.market.lapse(self.lapsed)
        self.cancelled = self._ordered("cancelled")
        self.market.cancel(self.cancelled)
        self.notes.cancelled.add(self.cancelled.number)
        self.notes.refused.add("refused")

    def _ordered(self, key: str, **wallet: Any) -> Order:
        placed = self.market.place(self.buyer, (self.market.pot, 2), key=f"one {key}", **wallet)
        self.notes.placed[key] = placed.number
        return Order.objects.get(pk=placed.order_id)

    def trade(self, number: str) -> dict[str, Any] | None:
        """The provider took exactly what was to be paid."""
        return {"fen": self.paid.payable, "refunded": 0, "paid_at": 1.0}

    def wrong(self) -> set[str]:
        """Which checks find something."""
        found: dict[str, Iterator[str]] = {
            "answers": reckoning.answers([self.notes]),
            "deadlines": reckoning.deadlines(),
            "money": reckoning.money(self.trade),
            "charged": reckoning.charged([self.notes]),
            "pieces": reckoning.pieces(PIECES),
            "coupons": reckoning.coupons(1),
            "wallets": reckoning.wallets([self.notes], CREDITS),
        }
        return {name for name, sentences in found.items() if list(sentences)}


@pytest.fixture
def day(clone: str, keys: Path, settings: Any) -> Day:
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    made = Day()
    deliver()
    assert made.wrong() == set()
    assert reckoning.unfinished() == []
    return made


def lapse_again(day: Day) -> None:
    event = OrderEvent.objects.get(order=day.lapsed, why="time")
    OrderEvent.objects.create(
        order=day.lapsed, at=event.at, was=event.was, status=event.status, why="time"
    )


def lapse_early(day: Day) -> None:
    OrderEvent.objects.filter(order=day.lapsed, why="time").update(at=F("at") - timedelta(hours=2))


def expired_by_nobody(day: Day) -> None:
    OrderEvent.objects.filter(order=day.lapsed, why="time").update(why="cancelled")


def paid_is_cancelled(day: Day) -> None:
    Order.objects.filter(pk=day.paid.pk).update(status=Status.CANCELLED)


def charged_for_nothing(day: Day) -> None:
    day.notes.charged.add(day.cancelled.number)


def used_up_by_none(day: Day) -> None:
    Grant.objects.update(order_id=None, state="lapsed", due_at=None)


SPOILT: list[tuple[Callable[[Day], Any], set[str]]] = [
    (lambda day: day.notes.placed.update(more="20260101000000"), {"answers"}),
    (lambda day: day.notes.placed.pop("lapsed"), {"answers"}),
    (lambda day: day.notes.refused.add("lapsed"), {"answers"}),
    (lambda day: day.notes.paid.add(day.lapsed.number), {"answers"}),
    (lambda day: day.notes.cancelled.add(day.lapsed.number), {"answers"}),
    (lambda day: day.notes.surprises.append("a page that nobody expected"), {"answers"}),
    (paid_is_cancelled, {"answers", "pieces", "coupons", "wallets"}),
    (charged_for_nothing, {"charged"}),
    (lapse_again, {"deadlines"}),
    (lapse_early, {"deadlines"}),
    (expired_by_nobody, {"deadlines"}),
    (lambda day: Attempt.objects.update(amount=F("amount") - 1), {"money"}),
    (lambda day: setattr(day, "trade", lambda number: None), {"money"}),
    (lambda day: Stock.objects.update(held=1), {"pieces"}),
    (lambda day: Stock.objects.update(on_hand=F("on_hand") - 1), {"pieces"}),
    (lambda day: Stock.objects.update(on_hand=F("on_hand") - 1, sold=F("sold") + 1), {"pieces"}),
    (used_up_by_none, {"coupons"}),
    (lambda day: Grant.objects.update(state="held"), {"coupons"}),
    (
        lambda day: Account.objects.filter(pk=account(Book.CREDITS, day.buyer.pk)).update(
            balance=F("balance") - 1
        ),
        {"wallets"},
    ),
]


@pytest.mark.parametrize(("spoil", "seen"), SPOILT)
def test_each_loss_is_seen(day: Day, spoil: Callable[[Day], Any], seen: set[str]) -> None:
    """One thing wrong, and exactly the checks that it concerns say so."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # past what the database guards
    spoil(day)
    assert day.wrong() == seen


def test_an_order_that_waits_is_unfinished(day: Day) -> None:
    """The reckoning is not begun while time will still change something."""
    day.market.opened(day._ordered("waiting"))
    deliver()
    assert reckoning.unfinished() == ["1 unpaid orders", "1 open payments"]


def test_a_mail_that_waits_is_unfinished(day: Day) -> None:
    """Nor while somebody is still to be told; once it has left, there is nothing to wait for."""
    day.market.cancel(day._ordered("regretted"))
    assert reckoning.unfinished() == ["1 mails on their way"]
    deliver()
    assert reckoning.unfinished() == []


def test_lateness_leaves_out_what_was_broken(day: Day) -> None:
    """Late by two minutes, of which the database was away for all but three seconds."""
    event = OrderEvent.objects.get(order=day.lapsed, why="time")
    due = event.at - timedelta(minutes=2)
    Order.objects.filter(pk=day.lapsed.pk).update(pay_by=due)
    since = due.timestamp()
    broken = [(since - 5, since + 50), (since + 52, since + 119), (since + 500, since + 600)]
    [(late, own)] = reckoning.lateness(broken)
    assert (round(late), round(own)) == (120, 3)
    assert list(reckoning.backstops(2.5, broken))
    assert not list(reckoning.backstops(3.5, broken))
    assert figures.spread([late])["max"] == pytest.approx(120)


def test_who_stays_behind_is_found() -> None:
    """A process with the run's mark is seen, one without is not."""
    command = ["sleep", "60"]
    marked = subprocess.Popen(command, env=os.environ | {"SHIGU_CHAOS": "this run"})
    plain = subprocess.Popen(command)
    try:
        assert [one.pid for one in leftovers("this run")] == [marked.pid]
    finally:
        for process in (marked, plain):
            process.kill()
            process.wait()
