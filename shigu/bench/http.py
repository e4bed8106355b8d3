"""A shop under load over HTTP: browse, place and pay, with one web process and with two; beside django-oscar.

Everything is as a shop has it: pages in processes of their own, security and rate limits, durable commits. A
crowd goes through the stages one after the other, everybody with one order each round. The peer is
django-oscar's own checkout over HTTP, served by the same command on the same PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median
from typing import Any

from shigu.bench import usage, world
from shigu.bench.crew import Crew
from shigu.bench.crowd import Crowd, Stage
from shigu.bench.peer_checkout import DOOR, Oscar, oscar
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, rounded, say
from shigu.bench.servers import provider, served
from shigu.bench.shopping import Shop
from shigu.ops import opening

PROCESSES = {"one": 1, "two": 2}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Orders each round, one for each person; people who come before anything counts; people at once."""

    orders: int = 400
    early: int = 32
    pages: int = 1_200
    clients: int = 16
    skus: int = 50
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One side's round: its stages, and megabytes of the server's processes at the end."""

    stages: dict[str, Stage]
    memory: float

    @property
    def placing(self) -> float:
        """Orders per second, the button alone."""
        return self.stages["place"].per_second

    @property
    def ordering(self) -> float:
        """Orders per second with the pages that lead to the button."""
        place = self.stages["place"]
        return place.requests / (self.stages["before"].seconds + place.seconds)


FULL = Sizes()
QUICK = Sizes(orders=60, early=8, pages=90, clients=8, skus=10, rounds=1)


def run(sizes: Sizes) -> Report:
    """Both shops with one process and with two, in turn."""
    before = machine()
    var = Path(os.environ["SHIGU_VAR"])
    say("collecting files, furnishing both shops")
    shutil.rmtree(var / "built", ignore_errors=True)
    opening.collect_files()
    runs: dict[str, list[Run]] = {}
    with (
        provider(var / "bench" / "simulator") as alipay,
        oscar(sizes.orders, sizes.early, sizes.skus) as peer,
        Crew("shigu.bench.surfing:surf", 1) as crew,
    ):
        shop = Shop(sizes.orders, sizes.early, sizes.skus, alipay)
        sides = _sides(shop, peer, Crowd(crew, sizes.clients), sizes, runs)
        figures = alternate(sides, rounds=sizes.rounds)
    found = medians(figures)
    setup = asdict(sizes) | before | {"postgresql": world.durability()}
    setup |= {"clients_are": f"{sizes.clients} at once, threads of one process, a connection each"}
    setup |= {"peer": "its own checkout over HTTP, same server command, same PostgreSQL"}
    return Report(
        name="http",
        unit="orders/s placed over HTTP, one web process",
        ours=found["shigu_one"],
        baselines={"django_oscar": found["oscar_one"]},
        setup=setup | {"each_round": rounded(figures)} | _told(runs, found),
    )


def _sides(
    shop: Shop, peer: Oscar, crowd: Crowd, sizes: Sizes, runs: dict[str, list[Run]]
) -> dict[str, Callable[[], float]]:
    """What each of the four does in a round; its figure is orders placed per second."""

    def ours(workers: int) -> Run:
        with served(workers, {"SHIGU_POOLED": "1"} | shop.provider.env) as pages:
            shop.trip(crowd, pages, shop.early, sizes.early * 3)
            stages = shop.trip(crowd, pages, shop.people, sizes.pages)
            return Run(stages, usage.resident(pages.pids))

    def theirs(workers: int) -> Run:
        with served(workers, peer.env, DOOR) as pages:
            peer.trip(crowd, pages, peer.early)
            return Run(peer.trip(crowd, pages, peer.people), usage.resident(pages.pids))

    def side(name: str, once: Callable[[int], Run], workers: int) -> Callable[[], float]:
        def one_round() -> float:
            world.settle()
            runs.setdefault(name, []).append(once(workers))
            return runs[name][-1].placing

        return one_round

    return {
        f"{name}_{word}": side(f"{name}_{word}", once, workers)
        for name, once in (("shigu", ours), ("oscar", theirs))
        for word, workers in PROCESSES.items()
    }


def _told(runs: dict[str, list[Run]], found: dict[str, float]) -> dict[str, Any]:
    """Each side's stages over all rounds, the whole of an order, and how both shops compare."""
    whole = {name: median(run.ordering for run in each) for name, each in runs.items()}
    return {
        "stages": {name: _stages(each) for name, each in runs.items()},
        "whole_checkout_orders_per_s": {name: round(rate, 1) for name, rate in whole.items()},
        "memory_mb": {name: round(max(run.memory for run in runs[name]), 1) for name in runs},
        "vs_django_oscar": {
            word: {
                "placing": round(found[f"shigu_{word}"] / found[f"oscar_{word}"], 2),
                "whole_checkout": round(whole[f"shigu_{word}"] / whole[f"oscar_{word}"], 2),
            }
            for word in PROCESSES
        },
    }


def _stages(each: list[Run]) -> dict[str, dict[str, float]]:
    """Rates are medians of rounds, waits those of all rounds together."""
    rounds = [run.stages for run in each]
    return {
        stage: reduce(add, (run[stage] for run in rounds)).told()
        | {"per_s": round(median(run[stage].per_second for run in rounds), 1)}
        for stage in rounds[0]
    }
