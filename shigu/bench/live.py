"""Milliseconds until a price change is on every page: 1 000 event streams on one lot, 20 changes a second.

Each change is a real bid; the delay runs from its commit to the moment at which a page has heard it, or a
later one; the figure is the 95th of a hundred over all pages and changes. `shigu` has a Redis over which bids
wake the event process; `unpushed` is one machine without, where it looks a few times a second. A page that
does not show the truth in the end, and there is no figure.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from django.conf import settings

from shigu import serving
from shigu.auctions import committing
from shigu.auctions.deciding import Offer
from shigu.auctions.models import Bidding, Verdict
from shigu.bench import bids, broker, world
from shigu.bench.bidders import START, STEP
from shigu.bench.bids import Saleroom
from shigu.bench.crew import Crew
from shigu.bench.errors import HandLost, NotTheSame
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, quantile, rounded, say
from shigu.kit import processes
from shigu.kit.processes import Part

HOST = "127.0.0.1"
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pages, in how many processes, and how many changes at which pace."""

    streams: int = 1000
    processes: int = 1
    changes: int = 200
    per_second: int = 20
    rounds: int = 3


FULL = Sizes()
QUICK = Sizes(streams=200, changes=60, rounds=1)


def run(sizes: Sizes) -> Report:
    """Both sides in turn."""
    before = machine()
    say(f"furnishing a lot, starting {sizes.processes} process(es) of {sizes.streams} pages")
    settings.AUCTION_BIDS = 10**9  # bidders of a benchmark are no people
    room = bids.furnish(2)
    waits: dict[str, list[float]] = {"shigu": [], "unpushed": []}
    with broker.redis_url() as redis, Crew("shigu.bench.listeners:listen", sizes.processes) as crew:
        sides = {
            name: (lambda name=name, url=url: _measured(name, url, crew, room, sizes, waits[name]))
            for name, url in {"shigu": redis, "unpushed": ""}.items()
        }
        figures = alternate(sides, rounds=sizes.rounds)
    found = medians(figures)
    setup = asdict(sizes) | before | {"postgresql": world.durability()}
    setup |= {"each_round": rounded(figures), "wrong_pages": 0} | _waits(waits)
    return Report(
        name="live",
        unit="ms, p95",
        ours=found["shigu"],
        baselines={"unpushed": found["unpushed"]},
        setup=setup,
        less_is_better=True,
    )


def _waits(waits: dict[str, list[float]]) -> dict[str, Any]:
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {
        name: {side: round(quantile(ms, share), 1) for side, ms in waits.items()}
        for name, share in shares.items()
    }


def _measured(
    side: str, redis: str, crew: Crew, room: Saleroom, sizes: Sizes, waits: list[float]
) -> float:
    """One run on a fresh lot; what every page waited for every change joins `waits`."""
    bids.clear()
    lot = bids.hot_lot(room)
    settings.REDIS_URL = redis
    with _server(redis, sizes.streams) as port:
        each = sizes.streams // sizes.processes
        job = {"host": HOST, "port": port, "path": f"/events/lots/{lot}", "streams": each}
        job |= {"versions": sizes.changes, "seconds": PATIENCE}
        crew.begin([job] * sizes.processes)
        _until_all_listen(port, each * sizes.processes)
        committed = _change(room, lot, sizes)
        answers = crew.finish(within=PATIENCE + 30)
    _refuse_wrong(side, lot, each * sizes.processes, answers)
    found = [
        ms for answer in answers for heard in answer["heard"] for ms in _delays(heard, committed)
    ]
    waits += found
    return quantile(found, 0.95)


def _change(room: Saleroom, lot: int, sizes: Sizes) -> list[float]:
    """Two people outbid each other at an even pace; when each change was committed."""
    committed: list[float] = []
    began = time.monotonic()
    for n in range(sizes.changes):
        time.sleep(max(0.0, began + n / sizes.per_second - time.monotonic()))
        offer = Offer(lot, room.people[n % 2], f"live {n}", START + n * STEP)
        if committing.decided(offer).verdict != Verdict.ACCEPTED:
            raise NotTheSame(f"bid {n} was not accepted")
        committed.append(time.monotonic())
    return committed


def _delays(heard: list[tuple[int, float]], committed: list[float]) -> Iterator[float]:
    """Of each change, until its version or a later one was heard; version n is the n-th change."""
    place = 0
    for version, at in enumerate(committed, 1):
        while place < len(heard) and heard[place][0] < version:
            place += 1
        if place < len(heard):
            yield max(0.0, (heard[place][1] - at) * 1000)


def _refuse_wrong(side: str, lot: int, streams: int, answers: list[dict[str, Any]]) -> None:
    price = str(Bidding.objects.values_list("price", flat=True).get(pk=lot))
    right = sum(answer["right"] for answer in answers)
    shown = {price for answer in answers for price in answer["prices"]}
    if right != streams or shown != {price}:
        raise NotTheSame(f"{side}: {right} of {streams} pages are right; {price}: {sorted(shown)}")


@contextmanager
def _server(redis: str, streams: int) -> Iterator[int]:
    """The event process as a shop runs it, on a port of its own; all pages are behind one address."""
    with socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    part = serving.events(HOST, port)
    env = {"DATABASE_URL": world.database_url(), "SHIGU_REDIS_URL": redis}
    env |= {"SHIGU_STREAMS_PER_ADDRESS": str(streams)}
    part = Part(part.name, part.command, part.is_up, env)
    with TemporaryDirectory(prefix="shigu-live-") as logs, processes.Crew(Path(logs)) as running:
        running.start(part)
        running.wait(part)
        yield port


def _until_all_listen(port: int, streams: int) -> None:
    until = time.monotonic() + PATIENCE
    address = f"http://{HOST}:{port}/events/health"
    while httpx.get(address, trust_env=False, timeout=20).json()["streams"] < streams:
        if time.monotonic() > until:
            raise HandLost(f"not all of {streams} pages listen within {PATIENCE:.0f} s")
        time.sleep(0.1)
