"""The scheduler by itself: when it hints, when it waits, and that nothing ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django.db
import pytest
from celery.schedules import crontab, schedule
from django.db import connection, connections

from shigu import clock
from shigu.clock.kinds import Kind
from shigu.clock.models import Dispatcher
from shigu.fleet import scheduler as scheduling
from shigu.fleet import turns
from shigu.fleet.app import app
from shigu.fleet.models import Turn
from shigu.fleet.scheduler import Scheduler
from tests import conftest as databases
from tests.clock.bells import WAITING, Bell
from tests.clock.conftest import Tower
from tests.clock.test_runner import until
from tests.fleet.brokers import HOST, free_port

HALF = 0.5
"""Seconds between two chimes."""


class Letterbox:
    """Stands where the broker would: who was hinted at, and when."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.closed = 0

    def send(self, kind: Kind) -> bool:
        self.sent.append((kind.name, time.monotonic()))
        return True

    def close(self) -> None:
        self.closed += 1


def beat(poll: float = 5.0, entries: dict[str, Any] | None = None) -> Scheduler:
    """A scheduler with a letterbox."""
    made = Scheduler(app)
    made.update_from_dict(entries or {})
    made.poll, made.post = poll, Letterbox()
    return made


def hints(made: Scheduler) -> list[float]:
    return [at for _, at in made.post.sent]


def tick_for(seconds: float, *schedulers: Scheduler) -> None:
    until_ = time.monotonic() + seconds
    while time.monotonic() < until_:
        for one in schedulers:
            one.tick()


def test_hints_at_the_due_moment(tower: Tower) -> None:
    """It waits inside the tick until something is due, and hints then, not earlier and not a poll later."""
    tower.declare()
    made, began = beat(poll=5), time.monotonic()
    tower.hang(1, ago=-timedelta(seconds=0.6))
    while not made.post.sent:
        made.tick()
    assert 0.55 <= hints(made)[0] - began < 4
    assert made.post.sent[0][0] == "bells.ring"
    made.close()


def test_a_tick_is_never_longer_than_the_poll(tower: Tower) -> None:
    """With nothing due it comes back, as whoever watches over it expects."""
    tower.declare()
    made, began = beat(poll=0.4), time.monotonic()
    assert made.tick() == 0
    assert 0.3 < time.monotonic() - began < 2
    made.close()


def test_what_nobody_drains_is_hinted_at_less_and_less(tower: Tower) -> None:
    """Due for long and still there: from twenty hints a second down to one."""
    tower.declare()
    tower.hang(1)
    made = beat(poll=0.05)
    tick_for(3, made)
    gaps = [later - earlier for earlier, later in zip(hints(made), hints(made)[1:], strict=False)]
    assert 3 <= len(gaps) <= 12
    assert max(gaps) > 0.5
    made.close()


def test_what_is_drained_is_gathered_for_a_moment(tower: Tower) -> None:
    """While workers keep up and more falls due, a hint every fifty milliseconds, not one a row."""
    tower.declare()
    start = clock.now()
    Bell.objects.bulk_create(Bell(due_at=start + timedelta(milliseconds=n)) for n in range(1500))
    made = beat()
    while tower.waiting():
        made.tick()
        Bell.objects.filter(WAITING, due_at__lte=clock.now()).update(state="rung")
    assert 2 <= len(made.post.sent) <= 40
    gaps = [later - earlier for earlier, later in zip(hints(made), hints(made)[1:], strict=False)]
    assert min(gaps) > 0.9 * scheduling.GATHER
    made.close()


def test_rows_far_below_are_found_by_the_pass_without_floor(tower: Tower) -> None:
    """A row committed long after it was due lies below the floor: it is hinted at once the floor falls."""
    tower.declare()
    made = beat(poll=0.05)
    made.tick()
    tower.hang(1, ago=timedelta(minutes=10))
    tick_for(0.3, made)
    assert not made.post.sent
    made.watch.memories["bells.ring"].look_below_at = 0.0
    tick_for(0.3, made)
    assert made.post.sent
    made.close()


def test_a_backlog_older_than_the_floors_margin_stays_in_sight(tower: Tower) -> None:
    """However long nobody drains, the first due row keeps the floor below itself."""
    tower.declare()
    tower.hang(1, ago=timedelta(hours=1))
    made = beat(poll=0.05)
    tick_for(1.5, made)
    before = len(made.post.sent)
    tick_for(2, made)
    assert len(made.post.sent) > before
    made.close()


def test_making_one_touches_nothing(settings: Any) -> None:
    """No database and no broker is asked, lazily made or not (this test may not use the database)."""
    kept, app.conf.broker_url = app.conf.broker_url, f"redis://{HOST}:{free_port()}/0"
    try:
        Scheduler(app, lazy=True).close()
        Scheduler(app, lazy=False).close()
    finally:
        app.conf.broker_url = kept


def test_shows_itself_and_leaves(tower: Tower) -> None:
    """It is a dispatcher among the others while it lives, and closing twice is closing once."""
    tower.declare()
    made = beat(poll=0.05)
    made.tick()
    assert [row.name.partition(":")[0] for row in Dispatcher.objects.all()] == ["beat"]
    made.close()
    assert not Dispatcher.objects.exists()
    made.close()


def test_a_signal_within_a_tick_closes_when_the_tick_ends(tower: Tower) -> None:
    """Celery's handler closes in the midst of a look: the connection in use is left alone until later."""
    tower.declare()
    made = beat(poll=0.05)

    def told(*_: object) -> Any:
        made.close()
        assert made.post.closed == 0
        raise SystemExit

    made.tick()
    made.watch.look = told  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        made.tick()
    assert Dispatcher.objects.exists()
    made.close()
    assert made.post.closed == 1
    assert not Dispatcher.objects.exists()


def test_survives_a_database_that_is_away(tower: Tower) -> None:
    """No such database for a while: each tick returns, and hints go on when it is back."""
    tower.declare()
    tower.hang(1)
    made = beat(poll=0.05)
    here = connections.settings["default"]["NAME"]
    connection.close()
    databases._use("nowhere")
    try:
        for _ in range(3):
            assert made.tick() == 0
        assert (made.post.sent, made.trouble.times) == ([], 3)
    finally:
        connection.close()
        databases._use(here)
    made.tick()
    assert made.post.sent
    assert made.trouble.times == 0
    made.close()


@pytest.mark.parametrize("error", [django.db.OperationalError("gone"), ZeroDivisionError("a bug")])
def test_no_error_gets_out(tower: Tower, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Foreseen or not, a failing look costs one tick."""
    monkeypatch.setattr(scheduling, "AT_A_LOSS", 0.05)
    tower.declare()
    made = beat(poll=0.05)

    def fail(*_: object) -> Any:
        raise error

    made.watch.look = fail  # type: ignore[method-assign]
    assert made.tick() == 0
    made.close()


def test_survives_a_broker_that_is_away(tower: Tower) -> None:
    """Its hints and its entries have nowhere to go: it ticks on, and a tick stays short."""
    tower.declare()
    kept, app.conf.broker_url = app.conf.broker_url, f"redis://{HOST}:{free_port()}/0"
    made = Scheduler(app)
    made.update_from_dict({"chime": entry(0.1)})
    made.poll = 0.05
    tower.hang(1)
    try:
        began = time.monotonic()
        for _ in range(6):
            made.tick()
        assert time.monotonic() - began < 20
        made.close()
    finally:
        app.conf.broker_url = kept


# -- ordinary entries ------------------------------------------------------------------------


def entry(seconds: float) -> dict[str, Any]:
    return {"task": "belfry.chime", "schedule": schedule(timedelta(seconds=seconds), app=app)}


def by_one_alone(began: float) -> float:
    """So many, at the most, may have been sent since then."""
    return (time.monotonic() - began) / HALF + 2


def two(entries: Callable[[], dict[str, Any]]) -> tuple[list[str], list[Scheduler]]:
    """Two schedulers with the same entries, and what both sent together."""
    sent: list[str] = []
    made = [beat(poll=0.05, entries=entries()) for _ in range(2)]
    for one in made:
        one.apply_entry = lambda entry, producer=None: sent.append(entry.name)  # type: ignore[method-assign]
    return sent, made


@pytest.mark.usefixtures("no_turns")
def test_an_entry_is_sent_once_by_two_schedulers(tower: Tower) -> None:
    """Every half second, by one of them: never more than one alone would send."""
    sent, made = two(lambda: {"chime": entry(HALF)})
    began = time.monotonic()
    tick_for(3.2, *made)
    assert 2 <= len(sent) <= by_one_alone(began)
    for one in made:
        one.close()


@pytest.mark.usefixtures("no_turns")
def test_without_turns_it_would_be_sent_twice(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: schedulers that remember by themselves soon have sent more than one may."""
    monkeypatch.setattr(turns, "is_due", lambda entry: entry.is_due())
    sent, made = two(lambda: {"chime": entry(HALF)})
    began = time.monotonic()
    while len(sent) <= by_one_alone(began):
        assert time.monotonic() - began < 30, "it was never sent twice"
        tick_for(0.1, *made)
    for one in made:
        one.close()


@pytest.mark.usefixtures("no_turns")
def test_a_moment_missed_while_none_ran_is_sent_once(tower: Tower) -> None:
    """The monthly entry whose first of the month went by in a downtime runs when one is up again."""
    long_ago = datetime.now(UTC) - timedelta(days=40)
    Turn.objects.create(entry="monthly", sent_at=long_ago)
    monthly = {"task": "belfry.chime", "schedule": crontab("0", "3", day_of_month="1", app=app)}
    sent, made = two(lambda: {"monthly": dict(monthly)})
    tick_for(0.5, *made)
    assert sent == ["monthly"]
    assert Turn.objects.get().sent_at > long_ago
    for one in made:
        one.close()


@pytest.mark.usefixtures("no_turns")
def test_two_at_the_very_same_moment(tower: Tower) -> None:
    """Of many that take the same turn at once, one has it."""
    last = datetime.now(UTC) - timedelta(hours=1)
    Turn.objects.create(entry="chime", sent_at=last)
    taken: list[bool] = []
    start = threading.Barrier(6)

    def take() -> None:
        start.wait()
        taken.append(turns._take("chime", last))
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]
    until(lambda: Turn.objects.get().sent_at > last)
