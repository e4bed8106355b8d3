"""Four processes expire and thirty buyers place on the same few SKUs: no deadlock, and how long buyers wait.

Orders placed here are due within a second, and a heap of overdue ones is added each second on top, so
that expiry and placing meet on the same rows all the time. It fails where the server's log tells of a
deadlock, where an order got lost, or where the audit finds a piece that is not accounted for.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from shigu.bench import bulk, same_rows, world
from shigu.bench.crew import Answer, Crew
from shigu.bench.errors import BenchFailed, NotTheSame
from shigu.bench.report import Report
from shigu.bench.rounds import machine, quantile, say
from shigu.bench.world import World
from shigu.clock import now
from shigu.clock.drain import drain
from shigu.clock.kinds import find
from shigu.clock.memory import Memory
from shigu.orders.models import Order, Status

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """Who meets on how many SKUs, for how long; overdue orders added each second."""

    expirers: int = 4
    buyers: int = 30
    skus: int = 20
    seconds: float = 60
    heap: int = 1_000


FULL = Sizes()
QUICK = Sizes(seconds=8)


def run(sizes: Sizes) -> Report:
    """Let them meet, then look at the log and at every piece."""
    before = machine()
    shop = world.furnish(people=500, skus=sizes.skus)
    log, seen = _server_log(), _deadlocks()
    told = log.stat().st_size
    placing, expiring, added = _meet(shop, sizes)
    waited = [ms for answer in placing for ms in answer["waited"]]
    expired = sum(answer["claimed"] for answer in expiring)
    if not expired or Order.objects.filter(status=Status.EXPIRED).count() != expired:
        raise NotTheSame(f"{expired} orders claimed, not as many expired")
    _expect_no_deadlock(log, told, seen)
    same_rows.sound("shigu")
    if Order.objects.count() != len(waited) + added:
        raise NotTheSame(f"{len(waited) + added} orders made, {Order.objects.count()} kept")
    setup = asdict(sizes) | before | {"postgresql": world.durability(), "deadlocks": 0}
    setup |= {"clients_are": f"threads of {PROCESSES} processes", "placed_orders": len(waited)}
    setup |= {"expired_batches": sum(answer["batches"] for answer in expiring)}
    setup |= {
        "overdue_added": added,
        "expired_orders": expired,
        "p50_ms": round(quantile(waited, 0.5), 2),
    }
    return Report(
        name="contention",
        unit="ms to place an order, p99",
        ours=quantile(waited, 0.99),
        setup=setup | {"max_ms": round(max(waited, default=0), 2)},
        less_is_better=True,
    )


def _meet(shop: World, sizes: Sizes) -> tuple[list[Answer], list[Answer], int]:
    """Answers of the buyers, answers of the expirers, overdue orders added."""
    job = {"skus": shop.skus, "seconds": sizes.seconds, "pause": 0, "prefix": "contention"}
    people = shop.people[: sizes.buyers]
    jobs = [job | {"people": people[n::PROCESSES]} for n in range(PROCESSES)]
    say(f"{sizes.expirers} processes expire, {sizes.buyers} buyers place, {sizes.seconds:.0f} s")
    soon = {"SHIGU_PAY_WINDOW": "1"}
    with (
        Crew(f"{__name__}:expire_for_a_while", sizes.expirers) as expirers,
        Crew("shigu.bench.steady:take_orders", PROCESSES, soon) as buyers,
    ):
        expirers.begin([{"seconds": sizes.seconds + 2}] * sizes.expirers)
        buyers.begin(jobs)
        added = _heap_up(shop, sizes)
        placing = buyers.finish(within=60 + sizes.seconds)
        return placing, expirers.finish(within=90 + sizes.seconds), added


def _heap_up(shop: World, sizes: Sizes) -> int:
    """Overdue orders on the same SKUs, each second another heap."""
    ends, added = time.monotonic() + sizes.seconds, 0
    while time.monotonic() < ends:
        added += bulk.unpaid(shop, sizes.heap, due=now() - timedelta(minutes=1)).orders
        time.sleep(1)
    return added


def expire_for_a_while(job: dict[str, Any]) -> Answer:
    """One process of the clock: drain, rest a moment where nothing was due, drain again."""
    kind = find("orders.expire")
    memory = Memory.of(kind)
    ends, claimed, batches = time.monotonic() + job["seconds"], 0, 0
    while time.monotonic() < ends:
        step = drain(kind, budget=1, memory=memory)
        claimed, batches = claimed + step.claimed, batches + step.batches
        if step.finished:
            time.sleep(0.01)
    return {"claimed": claimed, "batches": batches}


def _server_log() -> Path:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        return Path(cursor.fetchone()[0]) / "log"


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[1])


def _expect_no_deadlock(log: Path, told: int, seen: int) -> None:
    with log.open(errors="replace") as lines:
        lines.seek(told)
        found = [line for line in lines if "deadlock detected" in line]
    if found or _deadlocks() > seen:
        raise BenchFailed(f"{len(found)} deadlocks in the server's log: {log}")
