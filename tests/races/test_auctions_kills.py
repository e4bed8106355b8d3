"""Whoever closes lots, lets awards lapse or hears of payments is killed with -9 at every step in turn.

Nothing of what they did is left; whoever comes next does all of it, once, to the end that an undisturbed run
comes to. That the list of steps is whole is shown by writing down which ones a run comes by.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection, connections

from shigu.auctions import arranging
from shigu.auctions.models import Award, AwardState, Ban, Bidding, Deposit, LotState, SessionState
from shigu.clock.drain import drain, drain_all
from shigu.kit import breakpoints
from shigu.orders.models import Order, Shipment
from shigu.payments.models import Outcome, Refund, Why
from tests.auctions.house import Alipay
from tests.auctions.sale import HOME, HOUR, Sale, deposit, go_to, opened, paid, person, state
from tests.auditing import assert_audit_holds
from tests.web.bidders import all_rows

CLOSING = [
    *("clock.ring.claimed", "auctions.close.claimed", "auctions.close.closed"),
    *("auctions.close.counted", "auctions.close.awarded", "auctions.close.done", "clock.ring.done"),
]
TURNING = ["clock.ring.claimed", "auctions.turn.turned", "clock.ring.done"]
LAPSING = [
    *("clock.ring.claimed", "orders.expire.claimed", "auctions.award.ended"),
    *("orders.expire.done", "clock.ring.done"),
]
PAYING = [
    *("payments.settle.found", "payments.settle.locked", "auctions.award.paid"),
    *("orders.settle.done", "payments.settle.committing"),
]


def killed_at(
    place: str, act: Callable[[], Any], meanwhile: dict[str, Callable[[], None]] | None = None
) -> int:
    """A process of its own acts, and is killed with -9 when it comes to `place`; the signal that ended it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        hooks = {**(meanwhile or {}), place: lambda: os.kill(os.getpid(), signal.SIGKILL)}
        with ExitStack() as held:
            for name, hook in hooks.items():
                held.enter_context(breakpoints.at(name, hook))
            act()
        os._exit(0)
    _, ended = os.waitpid(child, 0)
    return os.WTERMSIG(ended)


class Seen(dict[str, Callable[[], None]]):
    """Hooks that do nothing but write down where somebody came by."""

    def __init__(self) -> None:
        super().__init__({"": lambda: None})
        self.places: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        self.places.append(name)
        return default


@contextmanager
def coming_by(places: list[str]) -> Iterator[None]:
    """What is done meanwhile comes by all of these places, in this order, and by no other."""
    before, seen = breakpoints._hooks, Seen()
    breakpoints._hooks = seen
    try:
        yield
    finally:
        breakpoints._hooks = before
    assert list(dict.fromkeys(seen.places)) == places


def nothing_is_left_of(act: Callable[[], Any], places: list[str]) -> None:
    """Killed at each of these places in turn, it leaves every row as it was."""
    before = all_rows()
    for place in places:
        assert killed_at(place, act) == signal.SIGKILL, place
        assert all_rows() == before, place


# -- the end of lots ----------------------------------------------------------------------------------


def close() -> None:
    """One closer comes by."""
    drain("auctions.close")


def over() -> tuple[Sale, Deposit]:
    """Four lots are over; bob leads the first, carol has a deposit for it that must come back."""
    sale = Sale(*[{"deposit": 1000} for _ in range(4)])
    sale.publish()
    bob, carol = person("bob"), person("carol")
    _, carols = [deposit(who, lot=sale.lots[0]) for who in (bob, carol)]
    go_to(sale.session.opens_at)
    sale.bid(sale.lots[0], bob, 5000)
    go_to(sale.session.closes_at, ring=False)
    return sale, carols


def check_the_end(sale: Sale, carols: Deposit) -> None:
    """Sold once, passed in thrice, carol's deposit is back, and the session has ended."""
    drain_all()
    assert [state(lot) for lot in sale.lots] == [LotState.SOLD] + [LotState.PASSED_IN] * 3
    assert (Award.objects.count(), Order.objects.count()) == (1, 1)
    carols.refresh_from_db()
    assert carols.returned == 1000
    assert sale.state() == SessionState.ENDED
    assert_audit_holds()


def test_a_closer_is_killed_at_every_step(house: Alipay) -> None:
    """Nothing of it is left, and the next one does all of it, once."""
    sale, carols = over()
    nothing_is_left_of(close, CLOSING)
    with coming_by(CLOSING):
        close()
    nothing_is_left_of(lambda: drain("auctions.turn"), TURNING)
    with coming_by(TURNING):
        drain("auctions.turn")
    check_the_end(sale, carols)


def test_control_a_closer_that_commits_between_its_steps(house: Alipay) -> None:
    """Negative control: what is committed halfway is a lot that is sold to nobody, for ever."""
    sale, carols = over()

    def commit() -> None:
        connection.connection.commit()

    halfway: dict[str, Callable[[], None]] = {"auctions.close.closed": commit}
    assert killed_at("auctions.close.counted", close, halfway) == signal.SIGKILL
    assert set(Bidding.objects.values_list("state", flat=True)) == {
        LotState.SOLD,
        LotState.PASSED_IN,
    }
    with pytest.raises(AssertionError, match=r"\(0, 0\) == \(1, 1\)"):
        check_the_end(sale, carols)


# -- what was won -------------------------------------------------------------------------------------


def won() -> Award:
    """Bob won a lot, with a deposit, and said where it goes."""
    sale = Sale({"deposit": 1000})
    sale.publish()
    deposit(person("bob"), lot=sale.lots[0])
    go_to(sale.session.opens_at)
    found = sale.sold(sale.lots[0], person("bob"), 5000)
    arranging.arrange(found.order_id, by=found.user_id, sent_to=HOME)
    return found


def test_whoever_lets_it_lapse_is_killed_at_every_step(house: Alipay) -> None:
    """In the end it is overdue once: one bar, and the deposit forfeited once."""
    found = won()
    go_to(found.pay_by, ring=False)
    nothing_is_left_of(lambda: drain("orders.expire"), LAPSING)
    with coming_by(LAPSING):
        drain("orders.expire")
    drain_all()
    found.refresh_from_db()
    assert (found.state, found.forfeited) == (AwardState.OVERDUE, 1000)
    assert (state(found.lot), Ban.objects.count()) == (LotState.OVERDUE, 1)
    assert not Refund.objects.exists()
    assert_audit_holds()


def test_whoever_hears_of_the_payment_is_killed_at_every_step(house: Alipay) -> None:
    """Told again it is paid, once; told after its deadline, too: the provider's instant counts."""
    found = won()
    attempt = opened("order", found.order_id, found.user)
    moment = found.at + HOUR
    nothing_is_left_of(lambda: paid(attempt, moment), PAYING)
    go_to(found.pay_by + HOUR, ring=False)
    assert paid(attempt, moment) == Outcome.SETTLED
    drain_all()
    found.refresh_from_db()
    assert (found.state, state(found.lot)) == (AwardState.PAID, LotState.PAID)
    assert Shipment.objects.count() == 1
    assert list(Refund.objects.values_list("why", "amount")) == [(Why.DEPOSIT, 1000)]
    assert_audit_holds()
