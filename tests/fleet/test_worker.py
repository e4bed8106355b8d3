"""Workers and schedulers as processes on a real Redis: each bell once, whatever happens to them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.db import connection
from psycopg import sql
from redis import Redis

from shigu import clock
from shigu.clock import status
from shigu.clock.models import Dispatcher, Lateness, Periodic
from shigu.fleet import queues
from shigu.fleet.app import app
from tests import conftest as databases
from tests.clock.bells import Bell, Question, Strike
from tests.clock.conftest import Tower
from tests.clock.test_runner import lateness_of_each, until
from tests.fleet import brokers
from tests.fleet.crew import Crew, children, kill
from tests.fleet.test_hints import talking_to

LONG = 60
"""Seconds after which a test gives up; these machines may be busy."""


@pytest.fixture(autouse=True)
def _empty_broker(redis: tuple[str, brokers.Server], no_turns: None) -> None:
    Redis.from_url(redis[0]).flushall()


def beats(count: int) -> None:
    """Wait until so many schedulers are seen."""
    until(lambda: Dispatcher.objects.filter(name__startswith="beat").count() == count, LONG)


def rung_once(tower: Tower, hung: list[int]) -> None:
    until(lambda: not tower.waiting(), LONG)
    assert sorted(tower.rung()) == sorted(hung)


def test_two_schedulers_and_two_workers(tower: Tower, crew: Crew) -> None:
    """Bells known ahead and two thousand at the same moment: each once, none early, in time."""
    crew.worker()
    crew.worker()
    first, second = crew.beat(), crew.beat()
    beats(2)
    moment = clock.now() + timedelta(seconds=1)
    herd = Bell.objects.bulk_create(Bell(due_at=moment) for _ in range(2000))
    hung = [pk for n in range(5) for pk in tower.hang(4, ago=-timedelta(milliseconds=600 + 90 * n))]
    rung_once(tower, [bell.pk for bell in herd] + hung)
    late = lateness_of_each()
    assert timedelta(0) <= min(late)
    assert max(late) < timedelta(seconds=10)  # a machine that tests everything at once is slow
    until(lambda: sum(Lateness.objects.values_list("rows", flat=True)) == 2020)
    assert {row["name"].partition(":")[0] for row in status.dispatchers()} == {"beat"}
    for scheduler in (first, second):
        scheduler.send_signal(signal.SIGTERM)
        assert scheduler.wait(20) == 0
    assert not Dispatcher.objects.exists()


def test_a_slow_outside_holds_up_no_bell(tower: Tower, crew: Crew) -> None:
    """With one process alone, calls that hang and work that takes long run beside: bells ring meanwhile."""
    crew.worker(concurrency=1, BELFRY_SLOW="12")
    crew.beat()
    beats(1)
    Question.objects.bulk_create(Question(ask_at=clock.now()) for _ in range(3))
    Periodic.objects.update(due_at=clock.now())
    until(lambda: Question.objects.filter(asks=1).count() == 3, LONG)
    hung = tower.hang(1, ago=timedelta(0))
    until(lambda: not tower.waiting(), 10)
    assert Question.objects.filter(state="open").count() == 3
    assert tower.rung() == hung
    until(lambda: not Question.objects.filter(state="open").exists(), LONG)
    until(lambda: Strike.objects.filter(bell=-1).count() == 1, LONG)


def test_survives_a_database_that_goes_away(tower: Tower, crew: Crew) -> None:
    """Every connection cut and none let in for three seconds: the same processes ring on, each bell once."""
    worker, scheduler = crew.worker(), crew.beat()
    beats(1)
    hung = tower.hang(50, ago=timedelta(0))
    rung_once(tower, hung)
    family = {child.pid for child in children(worker)}
    for _ in range(2):
        hung += tower.hang(50, ago=-timedelta(seconds=4))
        with away():
            time.sleep(7)
        rung_once(tower, hung)
    assert worker.poll() is None
    assert scheduler.poll() is None
    assert {child.pid for child in children(worker)} == family


@contextmanager
def away() -> Iterator[None]:
    """The database cuts everybody off and lets nobody in, this test included."""
    name = sql.Identifier(connection.settings_dict["NAME"])
    connection.close()
    let_in = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    databases._server(let_in.format(name, sql.SQL("false")))
    databases._server(
        sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(
            sql.Literal(connection.settings_dict["NAME"])
        )
    )
    try:
        yield
    finally:
        databases._server(let_in.format(name, sql.SQL("true")))


def test_survives_a_broker_that_is_killed(tower: Tower, crew: Crew) -> None:
    """Redis killed and started again, empty: workers and scheduler find it, and nothing due was lost."""
    with brokers.redis() as (url, server):
        crew.broker = url
        worker, scheduler = crew.worker(), crew.beat()
        beats(1)
        hung = tower.hang(20, ago=timedelta(0))
        rung_once(tower, hung)
        server.kill()
        hung += tower.hang(20, ago=timedelta(seconds=-3))  # when no hint from before is in hand
        time.sleep(5)
        assert (tower.waiting(), worker.poll(), scheduler.poll()) == (20, None, None)
        server.start()
        rung_once(tower, hung)
        crew.end()


def test_ends_after_the_batch_in_hand(tower: Tower, crew: Crew) -> None:
    """SIGTERM in the midst of a long drain: the batch is committed, no other begun, and the worker is gone."""
    worker = crew.worker(concurrency=1, BELFRY_BATCH="0.3")
    crew.beat()
    hung = tower.hang(3000, ago=timedelta(0))
    until(lambda: tower.waiting() < 3000, LONG)
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(LONG) == 0
    assert time.monotonic() - began < 12
    left = tower.waiting()
    assert 0 < left < 3000
    assert len(tower.rung()) == len(set(tower.rung())) == 3000 - left
    crew.worker()
    rung_once(tower, hung)


def test_a_killed_worker_leaves_nothing_half_done(tower: Tower, crew: Crew) -> None:
    """SIGKILL to a worker and all its processes within batches, three times: each bell once in the end."""
    crew.beat()
    hung = tower.hang(2000, ago=timedelta(0))
    for _ in range(3):
        before = tower.waiting()
        worker = crew.worker(BELFRY_BATCH="0.1")
        until(lambda before=before: tower.waiting() < before, LONG)  # type: ignore[misc]
        kill(worker)
    assert tower.waiting()
    crew.worker()
    rung_once(tower, hung)


def test_old_hints_are_thrown_away(
    tower: Tower, crew: Crew, redis: tuple[str, brokers.Server]
) -> None:
    """A hint whose time is over is not followed; one that is in time is."""
    hung = tower.hang(1)
    with talking_to(redis[0]):
        hint(expires=1)
        time.sleep(2)
        worker = crew.worker()
        until(lambda: "shigu.drain" in crew.said(worker), LONG)
        time.sleep(1)
        assert tower.waiting() == 1
        hint(expires=queues.LIFE.total_seconds())
    rung_once(tower, hung)


def hint(kind: str = "bells.ring", *, expires: float, queue: str = "order") -> None:
    app.send_task("shigu.drain", args=[kind], queue=queue, expires=expires, ignore_result=True)


def test_a_kind_that_nobody_knows_harms_nothing(
    tower: Tower, crew: Crew, redis: tuple[str, brokers.Server]
) -> None:
    """A hint of another release is noted, and the next one is followed."""
    worker = crew.worker(concurrency=1)
    hung = tower.hang(1)
    with talking_to(redis[0]):
        hint("bells.of_tomorrow", expires=30)
        hint(expires=30)
    rung_once(tower, hung)
    assert "fleet.unknown_kind" in crew.said(worker)


def test_memory_does_not_grow(tower: Tower, crew: Crew, redis: tuple[str, brokers.Server]) -> None:
    """Four hundred hints and eight thousand bells later a worker process is as large as after the first."""
    worker = crew.worker(concurrency=1)
    with talking_to(redis[0]):
        work(tower, 100)
        before = memory_of(worker.pid)
        for _ in range(4):
            work(tower, 100)
        after = memory_of(worker.pid)
    assert after - before < 2 * 1024 * 1024, (before, after)


def work(tower: Tower, count: int) -> None:
    """So many hints, and twenty bells for each."""
    tower.hang(20 * count, ago=timedelta(0))
    for _ in range(count):
        hint(expires=300)
    until(lambda: not tower.waiting(), LONG)
    client = Redis.from_url(app.conf.broker_url)
    until(lambda: not client.llen("order"), LONG)


def memory_of(pid: int) -> int:
    """What the worker's children have for themselves, in bytes."""
    return sum(child.memory_full_info().uss for child in psutil.Process(pid).children())


def test_with_every_message_dropped_nothing_is_lost(
    tower: Tower, crew: Crew, tmp_path: Path
) -> None:
    """For two seconds no hint arrives and nothing rings (so hints matter); then each bell rings once."""
    dropping = tmp_path / "dropping"
    dropping.touch()
    crew.worker()
    crew.beat("tests.fleet.lossy:Dropping", LOSSY_FILE=str(dropping))
    beats(1)
    hung = tower.hang(500, ago=timedelta(0))
    time.sleep(2)
    assert tower.waiting() == 500
    dropping.unlink()
    rung_once(tower, hung)


def test_with_every_message_doubled_nothing_happens_twice(tower: Tower, crew: Crew) -> None:
    """Two schedulers that send each hint three times, two workers: each bell once, each question asked once."""
    crew.worker(BELFRY_SLOW="0.2")
    crew.worker(BELFRY_SLOW="0.2")
    crew.beat("tests.fleet.lossy:Doubling")
    crew.beat("tests.fleet.lossy:Doubling")
    beats(2)
    Question.objects.bulk_create(Question(ask_at=clock.now()) for _ in range(20))
    start = clock.now()
    bells = [Bell(due_at=start + timedelta(milliseconds=2 * n)) for n in range(1000)]
    rung_once(tower, [bell.pk for bell in Bell.objects.bulk_create(bells)])
    until(lambda: Question.objects.filter(state="done").count() == 20, LONG)
    assert set(Question.objects.values_list("asks", flat=True)) == {1}


def test_where_the_message_is_the_truth_doubling_shows(
    tower: Tower, crew: Crew, redis: tuple[str, brokers.Server]
) -> None:
    """Negative control: a task per row, its message doubled, tolls twice."""
    crew.worker()
    [pk] = tower.hang(1)
    with talking_to(redis[0]):
        for _ in range(2):
            app.send_task("belfry.toll", args=[pk])
    until(lambda: len(tower.rung()) == 2, LONG)


def test_entries_and_tasks_of_an_extension(tower: Tower, crew: Crew) -> None:
    """Its tasks are found, and its entry is sent by two schedulers together as often as by one."""
    crew.worker()
    for _ in range(2):
        crew.beat(BELFRY_CHIMES="1")
    beats(2)
    began = time.monotonic()
    before = Strike.objects.filter(bell=0).count()
    until(lambda: Strike.objects.filter(bell=0).count() >= before + 6, LONG)
    assert time.monotonic() - began > 3.5
