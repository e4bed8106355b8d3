"""How late the clock rings, in ms at the 99th percentile, while a million rows wait and the shop sells.

The real embedded runner, `shigu clock run`, is a process of its own. Lateness is the commit's own
timestamp minus the moment due, both by the database's clock: nobody's word is taken for it. None may be
early, none may ring twice. Beside it: ten thousand due in the same second, and whether draining costs
more the more rows wait. Then, without a million of rows and without the shop: the same deadlines for the
embedded clock, its fleet, and what people use otherwise (`peers`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from shigu.bench import bulk, expiry, peers, ringing, same_rows, world
from shigu.bench.crew import Crew
from shigu.bench.report import Report
from shigu.bench.rounds import machine, quantile, say
from shigu.bench.world import World
from shigu.clock import now

CHUNK = 100_000
SHOPPERS = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows that wait, rows due per second and for how long, orders taken per second meanwhile."""

    pending: int = 1_000_000
    few: int = 10_000
    per_second: int = 200
    seconds: int = 60
    placing_per_second: int = 50
    burst: int = 10_000
    rounds: int = 3
    deadlines: int = 20_000
    over: float = 60


FULL = Sizes()
QUICK = Sizes(pending=20_000, seconds=5, burst=2_000, rounds=1, deadlines=600, over=6)


def run(sizes: Sizes) -> Report:
    """Lateness first, then the burst, then draining among many and among few."""
    before = machine()
    shop = world.furnish(people=1_000, skus=500)
    _wait_for_nothing(shop, sizes.pending)
    ringing.without_mails()
    with (
        ringing.runner(),
        Crew("shigu.bench.steady:take_orders", 1, {"SHIGU_PAY_WINDOW": "86400"}) as c,
    ):
        ringing.until_expired(bulk.unpaid(shop, 1, due=now()), within=60)
        rounds = [_round(c, shop, sizes, n) for n in range(sizes.rounds)]
        bursts = [_burst(shop, sizes.burst) for _ in range(sizes.rounds)]
    many = _drained(shop, sizes)
    world.clear()
    _wait_for_nothing(shop, sizes.few)
    few = _drained(shop, sizes)
    beside = peers.ring_all(shop, sizes.deadlines, sizes.over)
    setup = asdict(sizes) | before | {"postgresql": world.durability(), "runners": 1}
    setup |= {key: [found[key] for found in rounds] for key in rounds[0]}
    setup |= {"burst_seconds": [round(seconds, 3) for seconds in bursts]}
    setup |= {"burst_seconds_median": round(median(bursts), 3), "same_deadlines": beside}
    setup |= {"drain_per_s_among_many": round(many), "drain_per_s_among_few": round(few)}
    return Report(
        name="clock",
        unit="ms late, p99",
        ours=median(found["p99_ms"] for found in rounds),
        baselines={name: beside[name]["p99_ms"] for name in peers.BASELINES},
        setup=setup | {"drain_many_to_few": round(many / few, 3)},
        less_is_better=True,
    )


def _wait_for_nothing(shop: World, pending: int) -> None:
    """Rows that wait and are not due for days."""
    due, apart = now() + timedelta(days=2), timedelta(milliseconds=100)
    for start in range(0, pending, CHUNK):
        say(f"writing orders that wait: {start:,} of {pending:,}")
        size = min(CHUNK, pending - start)
        bulk.unpaid(shop, size, lines=1, due=due + apart * start, apart=apart)
    world.settle()


def _round(crew: Crew, shop: World, sizes: Sizes, number: int) -> dict[str, Any]:
    due_in = 3 + sizes.per_second * sizes.seconds / 4000
    job = {
        "people": shop.people[:SHOPPERS],
        "skus": shop.skus[:20],
        "seconds": due_in + sizes.seconds,
        "pause": SHOPPERS / sizes.placing_per_second,
        "prefix": f"clock-{number}",
    }
    crew.begin([job])
    apart = timedelta(seconds=1 / sizes.per_second)
    batch = ringing.due_soon(shop, sizes.per_second * sizes.seconds, due_in, apart)
    waited = crew.finish(within=120 + sizes.seconds)[0]["waited"]
    ringing.until_expired(batch, within=30)
    late = ringing.lateness("shigu", batch)
    found = {
        "p50_ms": round(quantile(late, 0.5), 2),
        "p99_ms": round(quantile(late, 0.99), 2),
        "max_ms": round(max(late), 2),
        "placed_orders": len(waited),
        "placing_p99_ms": round(quantile(waited, 0.99), 2),
    }
    say(f"round {number + 1} of {sizes.rounds}: {found}")
    return found


def _burst(shop: World, orders: int) -> float:
    """Seconds of work for so many that are due in the same instant, until the last commit."""
    batch = ringing.due_soon(shop, orders, 3 + orders / 4000, timedelta(0))
    ringing.until_expired(batch, within=60)
    seconds = max(ringing.lateness("shigu", batch)) / 1000
    say(f"{orders:,} due in the same instant: done within {seconds:.2f} s")
    return seconds


def _drained(shop: World, sizes: Sizes) -> float:
    """Orders per second that two drainers expire while the others wait."""
    rates = []
    with Crew("shigu.bench.expiry:expire_all_due", expiry.HANDS) as crew:
        for orders in [expiry.WARM_UP] + [sizes.burst] * sizes.rounds:
            due = now() - timedelta(minutes=2)
            batch = bulk.unpaid(shop, orders, due=due, apart=timedelta(milliseconds=5))
            world.settle()
            seconds = expiry.crew_work(crew, batch)
            same_rows.expired("shigu", batch)
            rates.append(batch.orders / seconds)
            say(f"draining {batch.orders:,} while others wait: {rates[-1]:,.0f} orders/s")
    return median(rates[1:])
