"""Overdue orders expired per second: the clock's drain against a loop and one Celery task per order.

Every order has two lines and holds their pieces; three of ten hold a coupon, three hold credits, one of
them both. `shigu` is the real `clock.drain` of `orders.expire` in two processes; `limit` is one hand-written
set-based statement a batch, also in two processes; the baselines do the tutorial's work on a sample. After
each run the rows must be the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from shigu.bench import bulk, same_rows, world
from shigu.bench.broker import Peer, celery
from shigu.bench.bulk import Batch
from shigu.bench.by_hand import LIMIT_BATCH, expire_by_hand
from shigu.bench.crew import Answer, Crew, span
from shigu.bench.errors import HandLost
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, rounded, say
from shigu.bench.tutorial import expire_overdue
from shigu.bench.world import World
from shigu.clock import now
from shigu.clock.drain import drain
from shigu.clock.kinds import find
from shigu.clock.memory import Memory
from shigu.orders.models import Order, Status

HANDS = 2
WARM_UP = 200
"""Orders that each side has once before anything counts: a worker in a shop has been up for days."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Orders for us and the limit; the sample that the baselines get; the shop around them."""

    orders: int = 100_000
    sample: int = 5_000
    people: int = 2_000
    skus: int = 2_000
    lines: int = 2
    rounds: int = 3


FULL = Sizes()
QUICK = Sizes(orders=5_000, sample=500)


def run(sizes: Sizes) -> Report:
    """All four sides in turn."""
    before = machine()
    say(f"furnishing a shop of {sizes.people} people and {sizes.skus} SKUs")
    shop = world.furnish(people=sizes.people, skus=sizes.skus)
    with _sides(shop, sizes) as sides:
        figures = alternate(sides, rounds=sizes.rounds)
    found = medians(figures)
    setup = asdict(sizes) | before | {"drainers": HANDS, "limit_batch": LIMIT_BATCH}
    setup |= {"celery_concurrency": HANDS, "postgresql": world.durability()}
    return Report(
        name="expiry",
        unit="orders/s",
        ours=found["shigu"],
        baselines={name: found[name] for name in ("loop", "celery_task")},
        limit=found["limit"],
        setup=setup | {"each_round": rounded(figures)},
    )


@contextmanager
def _sides(shop: World, sizes: Sizes) -> Iterator[dict[str, Callable[[], float]]]:
    say("starting drainers, Redis and a Celery worker")
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(f"{__name__}:expire_all_due", HANDS))
        peer = stack.enter_context(celery(HANDS))

        def side(name: str, orders: int, work: Callable[[Batch], float]) -> Callable[[], float]:
            measured(name, shop, min(orders, WARM_UP), sizes.lines, work)
            return lambda: measured(name, shop, orders, sizes.lines, work)

        yield {
            "shigu": side("shigu", sizes.orders, lambda batch: crew_work(crew, batch)),
            "limit": side("limit", sizes.orders, lambda batch: crew_work(crew, batch, "limit")),
            "loop": side("loop", sizes.sample, _loop),
            "celery_task": side("celery_task", sizes.sample, lambda batch: _celery(peer, batch)),
        }


def measured(
    side: str, shop: World, orders: int, lines: int, work: Callable[[Batch], float]
) -> float:
    """Orders per second of one run: fresh rows, the work, and the check that it was all of it."""
    world.clear()
    apart = timedelta(milliseconds=10)
    due = now() - timedelta(minutes=1) - apart * orders
    batch = bulk.unpaid(shop, orders, lines=lines, due=due, apart=apart)
    world.settle()
    seconds = work(batch)
    same_rows.expired(side, batch)
    return orders / seconds


def crew_work(crew: Crew, batch: Batch, side: str = "shigu") -> float:
    """Seconds in which all hands together are through with what is due."""
    return span(crew.work([{"side": side}] * HANDS, within=60 + batch.orders / 100))


def expire_all_due(job: dict[str, Any]) -> Answer:
    """One process of ours or of the limit."""
    return expire_by_hand() if job["side"] == "limit" else drain_all_due()


def drain_all_due() -> Answer:
    """One drainer: the clock's own drain, with a memory of its own, until nothing more is due."""
    kind = find("orders.expire")
    memory = Memory.of(kind)
    began, claimed = time.monotonic(), 0
    while True:
        step = drain(kind, memory=memory)
        claimed += step.claimed
        if step.finished:
            break
    return {"began": began, "ended": time.monotonic(), "claimed": claimed, "batch": memory.batch}


def _loop(batch: Batch) -> float:
    began = time.monotonic()
    expire_overdue()
    return time.monotonic() - began


def _celery(peer: Peer, batch: Batch) -> float:
    peer.publish(range(batch.first, batch.last + 1))
    give_up = time.monotonic() + 60 + batch.orders / 20
    began = time.monotonic()
    peer.consume()
    while Order.objects.filter(status=Status.UNPAID).exists():
        if time.monotonic() > give_up:
            raise HandLost("celery_task: the worker does not come to an end")
        time.sleep(0.02)
    seconds = time.monotonic() - began
    peer.rest()
    return seconds
