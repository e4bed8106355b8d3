"""The embedded runner: on time, at a hint, beside slow calls, through a lost database, to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q

from shigu import clock
from shigu.clock import periodic
from shigu.clock.hints import Ear
from shigu.clock.models import Dispatcher, Lateness, Tally
from shigu.clock.runner import Runner
from tests.clock.bells import Bell, Question, Strike
from tests.clock.conftest import Tower

POLL = 0.3


@contextmanager
def running(poll: float = POLL) -> Iterator[Runner]:
    """A runner in a thread of its own; its error, if any, is raised at the end."""
    runner, errors = Runner(poll=poll), list[BaseException]()

    def run() -> None:
        try:
            runner.run()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield runner
    finally:
        runner.stop()
        thread.join(20)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def until(met: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for something to become true."""
    ends = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.01)


def lateness_of_each() -> list[timedelta]:
    """How late each strike was, by the handler's clock."""
    due = dict(Bell.objects.values_list("pk", "due_at"))
    return [strike.at - due[strike.bell] for strike in Strike.objects.filter(bell__in=due)]


def test_rings_on_time_without_polling_for_it(tower: Tower) -> None:
    """Rows known ahead ring at their moment, none early, far better than the poll."""
    tower.declare()
    for n in range(5):
        tower.hang(4, ago=-timedelta(milliseconds=600 + 70 * n))
    with running(poll=5):
        until(lambda: not tower.waiting())
    assert len(tower.rung()) == 20
    assert timedelta(0) <= min(lateness_of_each())
    assert max(lateness_of_each()) < timedelta(seconds=2)


def test_a_nearer_row_is_found_by_the_poll(tower: Tower) -> None:
    """A row put while the runner sleeps is found within one poll, without any hint."""
    tower.declare()
    with running():
        until(Dispatcher.objects.exists)
        tower.hang(1, ago=timedelta(0))
        until(lambda: not tower.waiting(), seconds=4)


def falls_asleep(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a runner has looked, found nothing, and sleeps for longer than a second."""
    asleep, wait = threading.Event(), Runner._wait

    def noted(runner: Runner, seconds: float, ear: Ear) -> None:
        if seconds > 1:
            asleep.set()
        wait(runner, seconds, ear)

    monkeypatch.setattr(Runner, "_wait", noted)
    return asleep


def test_a_hint_wakes_it_at_once(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a poll of a minute, work hinted at on commit is done within seconds; unhinted it waits."""
    tower.declare()
    asleep = falls_asleep(monkeypatch)
    with running(poll=60):
        assert asleep.wait(20)
        tower.hang(1, ago=timedelta(0))
        time.sleep(0.3)
        assert tower.waiting() == 1
        with transaction.atomic():
            tower.hang(1, ago=timedelta(0))
            clock.hint("bells.ring")
        until(lambda: not tower.waiting())


def test_gathers_when_much_is_due(tower: Tower) -> None:
    """Two hundred rows due one after the other make far fewer batches than rows, all in time."""
    tower.declare()
    start = clock.now() + timedelta(milliseconds=500)
    Bell.objects.bulk_create(Bell(due_at=start + timedelta(milliseconds=5 * n)) for n in range(200))
    with running(poll=5):
        until(lambda: not tower.waiting())
    assert len(tower.rung()) == 200
    assert len(tower.calls) < 60
    assert max(lateness_of_each()) < timedelta(seconds=2)


def test_a_slow_provider_delays_no_order(tower: Tower) -> None:
    """While outside calls hang, bells ring on time: calls run beside."""
    tower.declare()
    hang = threading.Event()
    ask = clock.calls(
        Question, due="ask_at", tries="asks", among=Q(state="open"), name="bells.ask"
    )(lambda question: hang.wait(10))
    ask.records(lambda pk, answer, *, tries: Question.objects.filter(pk=pk).update(state="done"))
    Question.objects.bulk_create(Question(ask_at=clock.now()) for _ in range(20))
    with running():
        until(lambda: Question.objects.filter(asks=1).exists())
        tower.hang(3, ago=timedelta(0))
        until(lambda: not tower.waiting(), seconds=4)
        assert Question.objects.filter(state="open").count() == 20
        hang.set()
        until(lambda: not Question.objects.filter(state="open").exists())


def test_rows_held_by_others_do_not_make_it_spin(tower: Tower) -> None:
    """Due rows that somebody else holds are looked at now and then, and rung when let go."""
    tower.declare()
    tower.hang(1)
    looks = []
    with transaction.atomic():
        Bell.objects.select_for_update().get()
        with running() as runner:
            tick = runner.tick
            runner.tick = lambda: looks.append(1) or tick()  # type: ignore[method-assign,func-returns-value]
            threading.Event().wait(1.5)
    assert tower.waiting() == 1
    assert 2 < len(looks) < 40
    with running():
        until(lambda: not tower.waiting())


def test_survives_a_database_that_restarts(tower: Tower) -> None:
    """All its connections cut again and again, it goes on and rings everything exactly once."""
    tower.declare()
    hung = tower.hang(1)
    with running(poll=0.05):
        for n in range(5):
            cut_all_others()
            hung += tower.hang(20, ago=timedelta(0))
            until(lambda: not tower.waiting(), seconds=15)
            assert n < 5
    assert sorted(tower.rung()) == hung


def cut_all_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_two_runners_share_the_work(tower: Tower) -> None:
    """Two runners at once strike each bell once, and both are seen."""
    tower.declare()
    with running(), running():
        until(lambda: Dispatcher.objects.count() == 2)
        hung = tower.hang(2000, ago=timedelta(0))
        until(lambda: not tower.waiting())
    assert sorted(tower.rung()) == hung
    assert not Dispatcher.objects.exists()


def test_stops_after_the_batch_in_hand(tower: Tower) -> None:
    """Told to stop within a batch, it commits that one and begins no other."""
    runner: list[Runner] = []

    def ring(ids: list[int], *, now: datetime) -> int:
        runner[0].stop()
        return tower.ring(ids, now=now)

    tower.declare(ring, holds=True)
    tower.hang(500)
    with running() as one:
        runner.append(one)
        until(one.stopping.is_set)
    assert (len(tower.rung()), tower.waiting()) == (100, 400)


def test_a_kind_in_trouble_holds_up_no_other(tower: Tower) -> None:
    """A parked kind with thousands due does not keep another from ringing."""
    tower.declare()
    tower.hang(200, bad=True)

    def ask(ids: list[int], *, now: datetime) -> int:
        return Question.objects.filter(pk__in=ids).update(state="done")

    clock.rings(Question, due="ask_at", among=Q(state="open"), name="bells.other")(ask)
    Question.objects.create(ask_at=clock.now())
    with running():
        until(lambda: Question.objects.filter(state="done").exists())


def test_periodic_work_runs(tower: Tower) -> None:
    """A periodic moment that comes while it runs is kept."""
    runs = []
    clock.every("0 0 1 1 *", name="bells.sweep")(lambda *, now: runs.append(now))
    with running():
        until(Dispatcher.objects.exists)
        periodic.run_now("bells.sweep")
        until(lambda: runs)


def test_writes_lateness_and_tallies(tower: Tower) -> None:
    """What it did is on record by kind and minute, for the status."""
    tower.declare()
    tower.hang(10)
    with running():
        until(lambda: not tower.waiting())
    assert sum(Lateness.objects.values_list("rows", flat=True)) == 10
    assert [(t.claimed, t.affected) for t in Tally.objects.all()] == [(10, 10)]


def test_the_command_ends_on_sigterm(clone: str) -> None:
    """`shigu clock run` as a process: seen as a dispatcher, gone and clean after SIGTERM."""
    url = os.environ["DATABASE_URL"]
    head, _, tail = url.partition("?")
    environment = os.environ | {
        "DATABASE_URL": f"{head.rpartition('/')[0]}/{clone}?{tail}",
        "SHIGU_CLOCK_POLL": "0.2",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "shigu", "clock", "run"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        until(Dispatcher.objects.exists, seconds=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        assert not Dispatcher.objects.exists()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
