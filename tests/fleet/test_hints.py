"""Hints on their way to a broker: small, short-lived, never in anybody's way."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models import Q
from redis import Redis

from shigu import clock
from shigu.clock import hints, kinds
from shigu.fleet import posting
from shigu.fleet.app import app
from shigu.fleet.carrier import Carrier, to_the_broker
from shigu.fleet.posting import ENOUGH, Post
from tests.clock.bells import WAITING, Bell, Question
from tests.clock.conftest import Tower
from tests.clock.test_runner import falls_asleep, running, until
from tests.fleet.brokers import HOST, Server, free_port


@pytest.fixture
def broker(redis: tuple[str, Server]) -> Iterator[Redis]:
    """The application of this process talks to a private, empty Redis."""
    with talking_to(redis[0]):
        client = Redis.from_url(redis[0])
        client.flushall()
        yield client
        client.close()


@contextmanager
def talking_to(url: str) -> Iterator[None]:
    kept, app.conf.broker_url = app.conf.broker_url, url
    posting.counts.clear()
    try:
        yield
    finally:
        app.conf.broker_url = kept


@contextmanager
def carried(carrier: hints.Carrier) -> Iterator[None]:
    hints.carry(carrier)
    try:
        yield
    finally:
        hints.carry_no_more(carrier)


@contextmanager
def silent() -> Iterator[str]:
    """A broker that takes the call and never says a word."""
    with socket.socket() as ear:
        ear.bind((HOST, 0))
        ear.listen(50)
        yield f"redis://{HOST}:{ear.getsockname()[1]}/0"


def test_kinds_go_to_the_queue_of_who_waits(tower: Tower) -> None:
    """What buyers wait for, the outside, and sweeping have queues of their own; a kind may say otherwise."""
    bells = partial(clock.rings, Bell, due="due_at", among=WAITING)
    bells(holds=True, name="bells.held")(tower.ring)
    bells(name="bells.swept")(tower.ring)
    bells(holds=True, urgency="auction", name="bells.close")(tower.ring)
    clock.calls(Question, due="ask_at", tries="asks", among=Q(state="open"), name="bells.ask")(
        print
    )
    clock.every("0 0 1 1 *", name="bells.every")(lambda *, now: None)
    assert {kind.name: kind.urgency for kind in kinds.known()} == {
        "bells.held": "order",
        "bells.swept": "sweep",
        "bells.close": "auction",
        "bells.ask": "outside",
        "bells.every": "sweep",
    }


def test_a_hint_is_a_name_that_lives_half_a_minute(tower: Tower, broker: Redis) -> None:
    """On commit, and not before, a JSON message with the kind's name and nothing else is in its queue."""
    tower.declare(holds=True)
    with carried(to_the_broker()):
        with transaction.atomic():
            clock.hint("bells.ring")
            time.sleep(0.2)
            assert not broker.llen("order")
        until(lambda: broker.llen("order"))
    message = json.loads(broker.lindex("order", 0))
    arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
    assert (arguments, keywords, message["content-type"]) == (
        ["bells.ring"],
        {},
        "application/json",
    )
    lives = datetime.fromisoformat(message["headers"]["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=25) < lives <= timedelta(seconds=30)


def test_one_rolled_back_is_never_sent(tower: Tower, broker: Redis) -> None:
    """What did not happen is not hinted at."""
    tower.declare(holds=True)
    with carried(to_the_broker()):
        with transaction.atomic():
            clock.hint("bells.ring")
            transaction.set_rollback(True)
        time.sleep(0.3)
    assert not broker.llen("order")


def test_a_dead_broker_delays_no_request(tower: Tower) -> None:
    """Nobody at the address: a hundred hinting transactions commit in no time, and the loss is counted."""
    tower.declare()
    with talking_to(f"redis://{HOST}:{free_port()}/0"), carried(to_the_broker()):
        assert longest_of(100, hinting(tower)) < 0.9
        until(lambda: posting.counts["lost"])
    assert tower.waiting() == 100


def test_a_silent_broker_delays_no_request(tower: Tower) -> None:
    """An address that takes the call and never answers is no worse than none at all."""
    tower.declare()
    with silent() as url, talking_to(url), carried(to_the_broker()):
        assert longest_of(50, hinting(tower)) < 0.9
        until(lambda: posting.counts["lost"], seconds=20)
    assert tower.waiting() == 50


def test_sent_in_the_request_itself_it_would_be_late(tower: Tower) -> None:
    """Negative control: without the carrier's thread the same silent broker holds a request up."""
    tower.declare()
    with silent() as url, talking_to(url), carried(Post().send):
        assert longest_of(1, hinting(tower)) > 1


def hinting(tower: Tower) -> Callable[[], None]:
    def place() -> None:
        with transaction.atomic():
            tower.hang(1)
            clock.hint("bells.ring")

    return place


def longest_of(times: int, act: Callable[[], None]) -> float:
    """Seconds that the longest of so many took."""
    longest = 0.0
    for _ in range(times):
        began = time.monotonic()
        act()
        longest = max(longest, time.monotonic() - began)
    return longest


def test_with_a_dead_broker_no_deadline_is_lost(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded runner of the machine still hears the hint and rings."""
    tower.declare()
    asleep = falls_asleep(monkeypatch)
    with talking_to(f"redis://{HOST}:{free_port()}/0"), carried(to_the_broker()), running(poll=60):
        assert asleep.wait(20)
        hinting(tower)()
        until(lambda: not tower.waiting())
    assert tower.rung() == list(Bell.objects.values_list("pk", flat=True))


def test_a_broker_that_comes_back_is_found(tower: Tower, redis: tuple[str, Server]) -> None:
    """After a loss it is left alone for a moment only."""
    kind, post = tower.declare(holds=True), Post()
    with talking_to(f"redis://{HOST}:{free_port()}/0"):
        assert not post.send(kind)
        assert not post.send(kind)
    with talking_to(redis[0]):
        until(lambda: post.send(kind), seconds=5)
        post.close()


def test_a_queue_that_nobody_reads_stays_short(
    tower: Tower, broker: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any worker no more than a hundred hints wait; once they are read, more are sent."""
    monkeypatch.setattr(posting, "COUNTED_EVERY", 0.0)
    kind, post = tower.declare(holds=True), Post()
    sent = [post.send(kind) for _ in range(ENOUGH + 50)]
    assert (sum(sent), broker.llen("order")) == (ENOUGH, ENOUGH)
    assert posting.counts["enough"] == 50
    broker.delete("order")
    assert post.send(kind)
    post.close()


def test_a_flushed_broker_has_forgotten_nothing_that_matters(tower: Tower, broker: Redis) -> None:
    """Everything in Redis wiped under an open connection, the next hint arrives all the same."""
    kind, post = tower.declare(holds=True), Post()
    assert post.send(kind)
    broker.flushall()
    assert post.send(kind)
    assert broker.llen("order") == 1
    post.close()


def test_a_forked_process_carries_its_own(tower: Tower) -> None:
    """A web server that forks after the first hint: the child starts a thread of its own."""
    kind = tower.declare()
    told, tells = os.pipe()
    carrier = Carrier(lambda: lambda kind: os.write(tells, kind.name.encode()))
    carrier(kind)
    assert os.read(told, 100) == b"bells.ring"
    child = os.fork()
    if not child:
        carrier(kind)
        time.sleep(0.5)
        os._exit(0)
    os.waitpid(child, 0)
    os.set_blocking(told, False)
    assert os.read(told, 100) == b"bells.ring"


def test_one_machine_loads_nothing_of_a_fleet() -> None:
    """Without a broker neither pages nor clock import Celery, Flower or Prometheus."""
    program = (
        "import sys, django; django.setup(); import shigu.clock.runner, shigu.urls; print(sorted("
        "{'celery', 'kombu', 'amqp', 'flower', 'prometheus_client'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={k: v for k, v in os.environ.items() if k != "CELERY_BROKER_URL"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_only_json_is_read() -> None:
    """A message that would make a worker unpickle something is not accepted."""
    assert list(app.conf.accept_content) == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == "json"


def test_without_a_broker_the_door_says_what_to_do() -> None:
    """`celery -A shigu worker` with no CELERY_BROKER_URL ends with a sentence, not with a guess."""
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "shigu", "worker"],
        env={k: v for k, v in os.environ.items() if k != "CELERY_BROKER_URL"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode
    assert "CELERY_BROKER_URL is not set" in done.stdout + done.stderr
