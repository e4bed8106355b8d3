"""Orders per second on one hot SKU with 32 clients: the real `committing.place` against the tutorials.

Every client is another buyer who orders one piece after the other. `optimistic` tries three times and
then loses the order, `for_update` queues behind the row, `limit` is the bare SQL of the same order, one
at a time in one round trip. The clients are threads of a few processes, the same for every side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

from django.db import connection

from shigu.bench import same_rows, world
from shigu.bench.buying import Buyer, Lost, buyers
from shigu.bench.crew import Answer, Crew, span
from shigu.bench.errors import NotTheSame
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, quantile, rounded, say
from shigu.bench.world import World

WARM_UP = 0.3
"""Seconds that each side has once before anything counts: a shop has been up for days."""

SIDES = ("shigu", "limit", "optimistic", "for_update")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many clients in how many processes, and for how long each side has them."""

    clients: int = 32
    processes: int = 2
    seconds: float = 6.0
    rounds: int = 3


FULL = Sizes()
QUICK = Sizes(seconds=2.0)


@dataclass(frozen=True, slots=True)
class Run:
    """One side's run: orders placed, lost, and how long each took in milliseconds."""

    orders: int
    lost: int
    seconds: float
    waited: list[float]


def run(sizes: Sizes) -> Report:
    """All four sides in turn."""
    before = machine()
    say(f"furnishing a shop, starting {sizes.processes} processes of clients")
    shop = world.furnish(people=sizes.clients, skus=2)
    runs: dict[str, list[Run]] = {side: [] for side in SIDES}
    with _sides(shop, sizes, runs) as sides:
        figures = alternate(sides, rounds=sizes.rounds)
    found = medians(figures)
    setup = asdict(sizes) | before | {"postgresql": world.durability()}
    setup["clients_are"] = f"threads of {sizes.processes} process(es), the same for every side"
    setup |= {"each_round": rounded(figures)} | _waits_and_losses(runs)
    return Report(
        name="place",
        unit="orders/s",
        ours=found["shigu"],
        baselines={name: found[name] for name in ("optimistic", "for_update")},
        limit=found["limit"],
        setup=setup,
    )


def _waits_and_losses(runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    waited = {side: [ms for run in found for ms in run.waited] for side, found in runs.items()}
    return {
        "p50_ms": {side: round(quantile(ms, 0.5), 2) for side, ms in waited.items()},
        "p99_ms": {side: round(quantile(ms, 0.99), 2) for side, ms in waited.items()},
        "placed_orders": {side: sum(run.orders for run in found) for side, found in runs.items()},
        "lost_orders": {side: sum(run.lost for run in found) for side, found in runs.items()},
    }


@contextmanager
def _sides(
    shop: World, sizes: Sizes, runs: Mapping[str, list[Run]]
) -> Iterator[dict[str, Callable[[], float]]]:
    with Crew(f"{__name__}:order_for_a_while", sizes.processes) as crew:

        def side(name: str) -> Callable[[], float]:
            measured(name, crew, shop, replace(sizes, seconds=WARM_UP))

            def once() -> float:
                done = measured(name, crew, shop, sizes)
                runs[name].append(done)
                return done.orders / done.seconds

            return once

        yield {name: side(name) for name in SIDES}


def measured(side: str, crew: Crew, shop: World, sizes: Sizes) -> Run:
    """One run from an empty shop, and the check that exactly the orders answered for are there."""
    world.clear()
    world.settle()
    sku = shop.skus[0]
    jobs = [
        {"side": side, "sku": sku, "seconds": sizes.seconds, "people": people}
        for people in (shop.people[n :: sizes.processes] for n in range(sizes.processes))
    ]
    answers = crew.work(jobs, within=60 + 3 * sizes.seconds)
    orders, lost = sum(a["orders"] for a in answers), sum(a["lost"] for a in answers)
    same_rows.placed(side, orders=orders, sku=sku)
    if lost and side != "optimistic":
        raise NotTheSame(f"{side} lost {lost} orders, though the shop has plenty")
    return Run(orders, lost, span(answers), [ms for a in answers for ms in a["waited"]])


def order_for_a_while(job: dict[str, Any]) -> Answer:
    """One process of clients: a thread for each buyer, all beginning together."""
    tally = Tally(float(job["seconds"]), len(job["people"]))
    make = buyers[job["side"]]
    threads = [
        threading.Thread(target=tally.client, args=(make, person, job["sku"]), daemon=True)
        for person in job["people"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally.answer()


class Tally:
    """What the clients of one process did."""

    def __init__(self, seconds: float, clients: int) -> None:
        self.seconds = seconds
        self.waited: list[float] = []
        self.lost = 0
        self.ended: list[float] = []
        self.began = 0.0
        self._start = threading.Barrier(clients, action=self._begin)
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def client(self, make: Callable[[int, int], Buyer], person: int, sku: int) -> None:
        """One client: order, wait for the answer, order again, until time is up."""
        waited: list[float] = []
        lost = 0
        try:
            buy = make(person, sku)
            self._start.wait(60)
            for number in count():
                began = time.monotonic()
                if began >= self.began + self.seconds:
                    break
                try:
                    buy(f"{person}-{number}")
                except Lost:
                    lost += 1
                else:
                    waited.append((time.monotonic() - began) * 1000)
        except BaseException as error:
            self._error = error
            self._start.abort()
        finally:
            connection.close()
            self._note(waited, lost)

    def answer(self) -> Answer:
        """For the parent; raises what a client ran into."""
        if self._error:
            raise self._error
        return {
            "began": self.began,
            "ended": max(self.ended),
            "orders": len(self.waited),
            "lost": self.lost,
            "waited": [round(ms, 3) for ms in self.waited],
        }

    def _begin(self) -> None:
        self.began = time.monotonic()

    def _note(self, waited: list[float], lost: int) -> None:
        with self._lock:
            self.waited += waited
            self.lost += lost
            self.ended.append(time.monotonic())
