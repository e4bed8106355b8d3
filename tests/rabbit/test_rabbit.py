"""The same workers and schedulers on a real RabbitMQ with quorum queues."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from shigu import clock
from shigu.fleet import posting, queues
from shigu.fleet.app import _make, app
from shigu.fleet.posting import Post
from tests.clock.bells import Bell, Question, Strike
from tests.clock.conftest import Tower
from tests.clock.test_runner import lateness_of_each, until
from tests.fleet.brokers import Server
from tests.fleet.crew import Crew
from tests.fleet.test_worker import LONG, beats, rung_once

pytestmark = pytest.mark.usefixtures("no_turns")


def test_rings_on_quorum_queues(tower: Tower, crew: Crew) -> None:
    """Two schedulers, a worker, bells, questions and an extension's entry: each once, none early."""
    crew.worker(BELFRY_SLOW="0.2")
    for _ in range(2):
        crew.beat(BELFRY_CHIMES="1")
    beats(2)
    Question.objects.bulk_create(Question(ask_at=clock.now()) for _ in range(5))
    hung = [pk for n in range(5) for pk in tower.hang(4, ago=-timedelta(milliseconds=600 + 90 * n))]
    until(lambda: not tower.waiting(), LONG)
    until(lambda: Question.objects.filter(state="done").count() == 5, LONG)
    until(lambda: Strike.objects.filter(bell=0).count() >= 2, LONG)
    strikes = [bell for bell in tower.rung() if bell]
    assert sorted(strikes) == sorted(hung)
    assert timedelta(0) <= min(lateness_of_each())


def test_survives_a_node_that_is_killed(
    tower: Tower, crew: Crew, rabbit: tuple[str, Server]
) -> None:
    """The node killed and started again: worker and scheduler find it, and nothing due was lost."""
    worker, scheduler = crew.worker(), crew.beat()
    beats(1)
    hung = tower.hang(20, ago=timedelta(0))
    rung_once(tower, hung)
    rabbit[1].kill()
    hung += tower.hang(20, ago=timedelta(0))
    time.sleep(3)
    assert (tower.waiting(), worker.poll(), scheduler.poll()) == (20, None, None)
    rabbit[1].start()
    rung_once(tower, hung)
    assert len(set(Bell.objects.values_list("pk", flat=True))) == 40


def test_queues_are_quorum_queues_and_stay_short(
    tower: Tower, rabbit: tuple[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server holds is of the right kind, drops old hints itself, and gets no more than a hundred."""
    monkeypatch.setattr(posting, "COUNTED_EVERY", 0.0)
    kind, url = tower.declare(urgency="auction"), rabbit[0]
    made = _make(url)
    made.conf.broker_url = url
    app.set_current()
    monkeypatch.setattr(posting, "app", made)
    post = Post()
    sent = sum(post.send(kind) for _ in range(posting.ENOUGH + 50))
    assert posting.ENOUGH <= sent < posting.ENOUGH + 50  # the server counts a moment later
    with made.connection_for_write() as link, pytest.raises(link.channel_errors, match="inequiv"):
        link.channel().queue_declare("auction", durable=True, arguments={"x-queue-type": "classic"})
    post.close()
    arguments = {queue.name: queue.queue_arguments for queue in queues.queues(url)}
    assert arguments["order"] == {"x-queue-type": "quorum", "x-message-ttl": 30_000}
