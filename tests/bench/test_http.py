"""The benchmark over HTTP: both shops are driven to the end, and an answer nobody expected is no figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings

from shigu.bench import shopping, surfing, world
from shigu.bench.buying import buyers
from shigu.bench.crew import Answer
from shigu.bench.crowd import Crowd, Stage
from shigu.bench.errors import NotTheSame
from shigu.bench.servers import Served
from shigu.bench.surfing import errand
from shigu.orders.models import Order


def test_both_shops_are_driven_over_http() -> None:
    """One process and two: pages are seen, orders placed and paid by signed letters, and the peer's placed."""
    folder = Path(settings.BASE_DIR) / "var" / "tests-http"
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.small_http", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=540)
    assert not done.returncode, done.stderr
    said = json.loads(done.stdout)
    assert said["name"] == "http"
    assert said["baselines"].keys() == {"django_oscar"}
    stages = said["setup"]["stages"]
    assert stages.keys() == {"shigu_one", "shigu_two", "oscar_one", "oscar_two"}
    for name, found in stages.items():
        ours = {"browse": 6, "before": 6, "place": 6, "pay": 12}
        theirs = {"before": 36, "place": 6}
        wanted = ours if name.startswith("shigu") else theirs
        assert {stage: one["requests"] for stage, one in found.items()} == wanted
        for one in found.values():
            assert one["per_s"] > 0
            assert 0 < one["p50_ms"] <= one["p99_ms"]
            assert one["cpu_ms_each"] >= 0


class _Crew:
    """Works in this process."""

    def work(self, jobs: list[dict[str, object]], *, within: float) -> list[Answer]:
        return [surfing.surf(job) for job in jobs]


class _Busy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """A page, and for `/full` that there were too many."""
        self.send_response(429 if self.path == "/full" else 200)
        self.end_headers()
        self.wfile.write(b'<input name="key" value="k1"><input type="radio" name="way" value="b">')

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def served(clone: str) -> Iterator[Served]:
    """A server that is busy at one address."""
    server = HTTPServer(("127.0.0.1", 0), _Busy)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Served(server.server_port, [os.getpid()])
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_answer_nobody_expected_gives_no_figure(served: Served) -> None:
    """One 429 among many pages and the stage fails, saying which; without it the same stage has a figure."""
    crowd = Crowd(_Crew(), 2)  # type: ignore[arg-type]
    fine, full = [errand("", ("GET", path, "", 200)) for path in ("/fine", "/full")]
    with pytest.raises(NotTheSame, match="1 of 4 errands failed: GET /full: 429"):
        crowd.go(served, [fine, full, fine, fine])
    stage, ends = crowd.go(served, [fine] * 4)
    assert stage.requests == 4
    assert [end["fields"] for end in ends] == [{"key": "k1"}] * 4


def test_stages_add_up() -> None:
    """Requests, seconds and costs of two rounds are those of both; waits are of all of them."""
    both = Stage([1.0, 3.0], 2.0, 0.5, 0.25) + Stage([2.0], 1.0, 0.1, 0.05)
    assert (both.requests, both.per_second) == (3, 1.0)
    assert both.told()["p50_ms"] == 2.0
    assert both.told()["cpu_ms_each"] == 200.0
    assert both.told()["database_ms_each"] == 100.0


def test_an_order_that_was_not_paid_is_no_figure(clone: str) -> None:
    """Placed is not paid: an order that the letters left out is found."""
    shop = world.furnish(people=1, skus=1)
    buyers["shigu"](shop.people[0], shop.skus[0])("key-1")
    with pytest.raises(NotTheSame, match="1 orders were placed and paid, 0 stand so"):
        shopping._expect_paid([Order.objects.get().number])
