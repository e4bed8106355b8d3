"""Operators meet while a session is composed, and meet bidders: what one does, the other's act reaches, too.

A statement that waits for a lock returns the rows that were there when it began to wait. The guard looks
again once the session is its own; without it lots are left behind with old times, or open in a session that
was withdrawn. Who asks for a deposit holds the session; without it a deposit is taken by rules that are gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from shigu.auctions import deposits, locks, publishing, withdrawing
from shigu.auctions.errors_life import Promised
from shigu.auctions.models import Bidding, Deposit, Lot, LotState, Session
from tests.auctions.house import Alipay
from tests.auctions.sale import HOUR, Sale, person
from tests.auditing import assert_audit_holds
from tests.races.together import (
    PATIENCE,
    settled_or_blocked,
    start,
    stopped_at,
    wait_until_blocked,
)


def looked_at_once(session_id: int) -> tuple[Session, list[Bidding]]:
    """What `locks.locked_with_lots` would be if it believed its first look."""
    biddings = locks.locked_biddings_of([session_id])
    [session] = locks.locked_sessions([session_id])
    return session, biddings


def saved_while_published() -> None:
    """One publishes; another has the draft's form open and saves a later end."""
    sale = Sale({}, {})
    later = sale.session.closes_at + HOUR
    with stopped_at("auctions.publish.locked") as stop:
        first = start(lambda: publishing.publish(sale.session.pk))
        stop.wait()
        second = start(lambda: publishing.change(sale.session.pk, {"closes_at": later}))
        wait_until_blocked()
        stop.release()
        done = [first.result(), second.result()]
    assert all(isinstance(one, Session) for one in done), done
    ends = set(Bidding.objects.values_list("closes_at", flat=True))
    assert ends == {later}, f"lots close when their session does not: {ends}"
    assert_audit_holds()


def test_saved_while_published(house: Alipay) -> None:
    """The lots close when their session says."""
    saved_while_published()


def test_control_saved_while_published(house: Alipay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the lots that were published meanwhile keep the old end."""
    monkeypatch.setattr(publishing, "locked_with_lots", looked_at_once)
    with pytest.raises(AssertionError, match="lots close when their session does not"):
        saved_while_published()


def withdrawn_while_added() -> None:
    """One adds a lot to a published session; another withdraws the session."""
    sale = Sale({})
    sale.publish()
    writing, go_on = threading.Event(), threading.Event()

    def write(_: Session) -> None:
        sale.add()
        writing.set()
        assert go_on.wait(PATIENCE)

    first = start(lambda: publishing.add_lots(sale.session.pk, write))
    assert writing.wait(PATIENCE)
    second = start(lambda: withdrawing.withdraw_session(sale.session.pk, why="The roof leaks"))
    wait_until_blocked()
    go_on.set()
    assert first.result() == 1
    assert isinstance(second.result(), Session)
    states = list(Bidding.objects.values_list("state", flat=True))
    assert states == [LotState.WITHDRAWN] * 2, f"a lot goes on without its session: {states}"
    assert_audit_holds()


def test_withdrawn_while_added(house: Alipay) -> None:
    """The lot that came meanwhile is withdrawn with the rest."""
    withdrawn_while_added()


def test_control_withdrawn_while_added(house: Alipay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: it would open on time and take bids."""
    monkeypatch.setattr(withdrawing, "locked_with_lots", looked_at_once)
    with pytest.raises(AssertionError, match="a lot goes on without its session"):
        withdrawn_while_added()


def read_only(session_id: int) -> Session:
    """What `locks.shared_session` would be without its lock."""
    return Session.objects.get(pk=session_id)


def a_published_lot() -> Lot:
    """It can be deposited for, and its rules can still be changed."""
    sale = Sale({"deposit": 10_000})
    sale.publish()
    return sale.lots[0]


def raised_while_asked_for() -> None:
    """Bob asks for a deposit of ¥100; just then an operator makes it ¥1 000."""
    lot, bob = a_published_lot(), person("bob")
    with stopped_at("auctions.deposit.asking") as stop:
        first = start(lambda: deposits.ask_for_lot(bob.pk, lot.pk, key="bob"))
        stop.wait()
        second = start(lambda: publishing.change_lot(lot.pk, {"deposit": 100_000}))
        settled_or_blocked(second)
        stop.release()
        done = [first.result(), second.result()]
    assert_one_amount(lot, done)
    assert isinstance(done[1], Promised)


def asked_for_while_raised() -> None:
    """The operator has looked already: nobody has a deposit; then Bob asks for one."""
    lot, bob = a_published_lot(), person("bob")
    with stopped_at("auctions.change.looked") as stop:
        first = start(lambda: publishing.change_lot(lot.pk, {"deposit": 100_000}))
        stop.wait()
        second = start(lambda: deposits.ask_for_lot(bob.pk, lot.pk, key="bob"))
        settled_or_blocked(second)
        stop.release()
        done = [first.result(), second.result()]
    assert_one_amount(lot, done)
    assert isinstance(done[0], Lot)


def assert_one_amount(lot: Lot, done: list[Any]) -> None:
    """What Bob is asked for is what the lot asks for."""
    lot.refresh_from_db()
    amount = Deposit.objects.values_list("amount", flat=True).get()
    assert amount == lot.deposit, f"the rules changed under a deposit: {done}"
    assert_audit_holds()


RACES = [raised_while_asked_for, asked_for_while_raised]


@pytest.mark.parametrize("race", RACES)
def test_rules_and_a_deposit(house: Alipay, race: Callable[[], None]) -> None:
    """Whoever comes first decides: the operator is refused, or Bob is asked for the new amount."""
    race()


@pytest.mark.parametrize("race", RACES)
def test_control_rules_and_a_deposit(
    house: Alipay, monkeypatch: pytest.MonkeyPatch, race: Callable[[], None]
) -> None:
    """Negative control: Bob has a deposit by rules that are not the lot's."""
    monkeypatch.setattr(deposits, "shared_session", read_only)
    with pytest.raises(AssertionError, match="the rules changed under a deposit"):
        race()
