"""The same deadlines for the clock, its fleet, and what people use otherwise; each in turn, alone.

Every side gets orders that are due one after the other over a while, is told of them as its design wants
(a message with an ETA, a job with its time, or nothing at all) and writes the same rows. Measured: how late
each commit was, what the side's processes and PostgreSQL spent in CPU, what the side's memory grew by.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shigu.bench import bulk, ringing, usage, world
from shigu.bench.broker import Peer, celery, process, redis
from shigu.bench.bulk import Batch
from shigu.bench.rounds import quantile, say
from shigu.bench.world import World, database_url

HANDS = 2
"""Processes that work, on every side that has workers."""

WARM_UP = 20
"""Orders that each side has once before anything counts."""

Orders = list[tuple[int, datetime]]


@dataclass(slots=True)
class Side:
    """What runs for a side, how it is told of deadlines, and how long it may take after the last."""

    pids: list[int]
    tell: Callable[[Orders], None] = field(default=lambda orders: None)
    within: float = 120.0


def ring_all(shop: World, deadlines: int, seconds: float) -> dict[str, dict[str, Any]]:
    """What was found for each side."""
    ringing.without_mails()
    return {name: _measured(name, shop, deadlines, seconds) for name in SIDES}


def _measured(name: str, shop: World, deadlines: int, seconds: float) -> dict[str, Any]:
    say(f"{name}: starting it")
    world.clear()
    with SIDES[name]() as side:
        ringing.until_expired(_told(side, shop, WARM_UP, 10.0, 1.0), within=side.within)
        world.settle()
        began, pids = _spent(side), side.pids
        with usage.Memory(pids) as memory:
            batch = _told(side, shop, deadlines, _ahead(deadlines), seconds)
            ringing.until_expired(batch, within=side.within + deadlines / 20)
        ended = _spent(side)
    late = ringing.lateness(name, batch)
    found = {
        "p50_ms": round(quantile(late, 0.5), 1),
        "p99_ms": round(quantile(late, 0.99), 1),
        "max_ms": round(max(late), 1),
        "cpu_s": round(ended[0] - began[0], 2),
        "postgresql_cpu_s": round(ended[1] - began[1], 2),
        "memory_mb": round(memory.began, 1),
        "memory_grown_mb": round(memory.grown, 1),
    }
    say(f"{name}: {found}")
    return found


def _ahead(deadlines: int) -> float:
    """Seconds in which every side can be told of all of them before the first is due."""
    return 10 + deadlines / 200


def _told(side: Side, shop: World, orders: int, ahead: float, seconds: float) -> Batch:
    apart = timedelta(seconds=seconds / orders)
    batch = ringing.due_soon(shop, orders, ahead, apart)
    due = bulk.due_of(batch)
    side.tell(due)
    ringing.still_ahead(due[0][1])
    return batch


def _spent(side: Side) -> tuple[float, float]:
    return usage.cpu(side.pids), usage.cpu([usage.postgres()])


# -- the sides -------------------------------------------------------------------------------------


@contextmanager
def _embedded() -> Iterator[Side]:
    with ringing.runner() as process_of_it:
        yield Side([process_of_it.pid])


@contextmanager
def _fleet() -> Iterator[Side]:
    """The scheduler and a worker, as `deploy/` starts them, with a Redis of their own."""
    shigu = [sys.executable, "-m", "celery", "-A", "shigu"]
    beat = [*shigu, "beat", "-S", "shigu.fleet.scheduler:Scheduler", "--pidfile="]
    worker = [*shigu, "worker", "--concurrency", str(HANDS), "--without-gossip"]
    with redis() as (address, log), ExitStack() as stack:
        env = {"CELERY_BROKER_URL": address, "CELERY_SKIP_CHECKS": "1"}
        quiet = ["--loglevel=WARNING"]
        both = [stack.enter_context(process([*c, *quiet], env, log)) for c in (beat, worker)]
        yield Side([one.pid for one in both])


@contextmanager
def _celery_eta() -> Iterator[Side]:
    with celery(HANDS) as peer:
        peer.consume()
        yield Side(peer.pids, lambda orders: peer.publish_later(orders))
        peer.rest()


def _beat(often: str) -> Callable[[], AbstractContextManager[Side]]:
    @contextmanager
    def beating() -> Iterator[Side]:
        with celery(HANDS, often) as peer:
            yield Side(_watched(peer), within=240.0)

    return beating


def _watched(peer: Peer) -> list[int]:
    return list(peer.pids)


@contextmanager
def _procrastinate() -> Iterator[Side]:
    from shigu.bench import peer_procrastinate  # noqa: PLC0415 - a dev requirement

    peer_procrastinate.furnish(database_url())
    command = [sys.executable, "-m", "shigu.bench.peer_procrastinate"]
    with tempfile.TemporaryDirectory(prefix="shigu-bench-") as folder, ExitStack() as stack:
        log = Path(folder) / "log"
        workers: list[subprocess.Popen[bytes]] = [
            stack.enter_context(process(command, {"DATABASE_URL": database_url()}, log))
            for _ in range(HANDS)
        ]
        time.sleep(1)
        yield Side(
            [worker.pid for worker in workers],
            lambda orders: peer_procrastinate.schedule(database_url(), orders),
        )


SIDES: dict[str, Callable[[], AbstractContextManager[Side]]] = {
    "shigu": _embedded,
    "shigu_fleet": _fleet,
    "celery_eta": _celery_eta,
    "beat_minute": _beat("minute"),
    "beat_second": _beat("second"),
    "procrastinate": _procrastinate,
}
BASELINES = ("celery_eta", "beat_minute", "procrastinate")
