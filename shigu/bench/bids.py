"""Decided bids per second on one hot lot with 32 clients: the real `auctions.committing` against the row lock.

Every client bids again as soon as it knows what became of its last bid; refusals are decisions too. After
each run a model of its own replays the whole log: a number missing, a verdict, price or winner that is
not so, and there is no figure. `setup.thousand` is our side with 1 000 clients, as requests come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from shigu.accounts.models import User
from shigu.auctions import paddles
from shigu.auctions.auditing import INVARIANTS
from shigu.auctions.models import (
    Bid,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    LotState,
    Session,
    SessionState,
)
from shigu.bench import world
from shigu.bench.bidders import START, STEP, bidders
from shigu.bench.crew import Answer, Crew, span
from shigu.bench.errors import NotTheSame
from shigu.bench.place import WARM_UP, Run, Tally
from shigu.bench.report import Report
from shigu.bench.rounds import alternate, machine, medians, quantile, rounded, say
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku
from shigu.clock import now
from shigu.kit.auditing import offending

SIDES = ("shigu", "limit", "for_update")
UNHURRIED = {"SHIGU_AUCTION_BIDS": "1000000000"}
"""Clients of a benchmark are no people: the limit per person is counted, and never met."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many clients in how many processes, and how long each side has them; ours has `many` once more."""

    clients: int = 32
    processes: int = 2
    seconds: float = 6.0
    rounds: int = 3
    many: int = 1000


FULL = Sizes()
QUICK = Sizes(seconds=2.0)


@dataclass(frozen=True, slots=True)
class Saleroom:
    """Who may bid, in which session, on lots of which category."""

    people: list[int]
    session: int
    category: int


def run(sizes: Sizes) -> Report:
    """All three sides in turn, then ours with many clients."""
    before = machine()
    say(f"furnishing a saleroom, starting {sizes.processes} processes of clients")
    room = furnish(max(sizes.clients, sizes.many))
    runs: dict[str, list[Run]] = {side: [] for side in SIDES}
    with _sides(room, sizes, runs) as sides:
        figures = alternate(sides, rounds=sizes.rounds)
    found = medians(figures)
    setup = asdict(sizes) | before | {"postgresql": world.durability()}
    setup["clients_are"] = f"threads of {sizes.processes} process(es), the same for every side"
    setup |= {"each_round": rounded(figures)} | _waits(runs)
    setup |= {"broken_invariants": 0, "thousand": _many(room, sizes)}
    return Report(
        name="bids",
        unit="decided bids/s",
        ours=found["shigu"],
        baselines={"for_update": found["for_update"]},
        limit=found["limit"],
        setup=setup,
    )


def _waits(runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    waited = {side: [ms for run in found for ms in run.waited] for side, found in runs.items()}
    return {
        "p50_ms": {side: round(quantile(ms, 0.5), 2) for side, ms in waited.items()},
        "p99_ms": {side: round(quantile(ms, 0.99), 2) for side, ms in waited.items()},
        "decided_bids": {side: sum(run.orders for run in found) for side, found in runs.items()},
    }


def _many(room: Saleroom, sizes: Sizes) -> dict[str, float]:
    """Ours with very many clients, each of whom takes a connection from the pool as a request does."""
    say(f"ours with {sizes.many} clients")
    role, env = f"{__name__}:bid_for_a_while", UNHURRIED | {"SHIGU_POOLED": "1"}
    with Crew(role, sizes.processes, env) as crew:
        done = measured("requests", crew, room, replace(sizes, clients=sizes.many))
    return {
        "clients": sizes.many,
        "bids_per_second": round(done.orders / done.seconds, 1),
        "p50_ms": round(quantile(done.waited, 0.5), 2),
        "p99_ms": round(quantile(done.waited, 0.99), 2),
        "max_ms": round(max(done.waited, default=0.0), 2),
    }


@contextmanager
def _sides(
    room: Saleroom, sizes: Sizes, runs: Mapping[str, list[Run]]
) -> Iterator[dict[str, Callable[[], float]]]:
    with Crew(f"{__name__}:bid_for_a_while", sizes.processes, UNHURRIED) as crew:

        def side(name: str) -> Callable[[], float]:
            measured(name, crew, room, replace(sizes, seconds=WARM_UP))

            def once() -> float:
                done = measured(name, crew, room, sizes)
                runs[name].append(done)
                return done.orders / done.seconds

            return once

        yield {name: side(name) for name in SIDES}


def measured(side: str, crew: Crew, room: Saleroom, sizes: Sizes) -> Run:
    """One run on a fresh lot, and the check that exactly the decisions answered for are in its log."""
    clear()
    lot = hot_lot(room)
    people = room.people[: sizes.clients]
    jobs = [
        {"side": side, "lot": lot, "seconds": sizes.seconds, "people": people[n :: sizes.processes]}
        for n in range(sizes.processes)
    ]
    answers = crew.work(jobs, within=90 + 3 * sizes.seconds)
    decided = sum(a["orders"] for a in answers)
    same_log(side, lot, decided)
    return Run(decided, 0, span(answers), [ms for a in answers for ms in a["waited"]])


def bid_for_a_while(job: dict[str, Any]) -> Answer:
    """One process of clients: a thread for each bidder, all beginning together."""
    tally = Tally(float(job["seconds"]), len(job["people"]))
    make = bidders[job["side"]]
    threads = [
        threading.Thread(target=tally.client, args=(make, person, job["lot"]), daemon=True)
        for person in job["people"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally.answer()


def same_log(side: str, lot: int, decided: int) -> None:
    """So many decisions, no more and no fewer, and all of them what a model of its own says they must be."""
    kept = Bid.objects.filter(lot_id=lot).count()
    if kept != decided:
        raise NotTheSame(f"{side} answered {decided} bids and kept {kept}")
    for invariant in INVARIANTS:
        if rows := offending(invariant, most=3):
            raise NotTheSame(f"{side}: {invariant.title}: broken by {rows}")


def furnish(people: int) -> Saleroom:
    """A live session, people with a deposit and a number in it, and where its lots are kept."""
    direction = Direction.objects.create(slug="bids", kind=Kind.LOT, name_zh="基准")
    category = Category.objects.create(slug="bids", direction=direction, name_zh="基准")
    users = User.objects.bulk_create(User(username=f"bidder-{n}") for n in range(people))
    at = now()
    session = Session.objects.create(
        slug="bids",
        name_zh="基准",
        state=SessionState.LIVE,
        preview_from=at - timedelta(hours=2),
        preview_until=at - timedelta(hours=1),
        opens_at=at - timedelta(minutes=1),
        closes_at=at + timedelta(days=1),
        soft_window=0,
        deposit=START,
    )
    Deposit.objects.bulk_create(_deposit(session, user, at) for user in users)
    for user in users:
        paddles.draw(session.pk, user.pk)
    return Saleroom([user.pk for user in users], session.pk, category.pk)


def _deposit(session: Session, user: User, at: Any) -> Deposit:
    return Deposit(
        number=f"bids-{user.pk}",
        key="bids",
        user=user,
        session=session,
        amount=START,
        state=DepositState.HELD,
        asked_at=at,
        pay_by=at,
        paid_at=at,
    )


def hot_lot(room: Saleroom) -> int:
    """A lot that everybody wants and nobody has bid on yet."""
    number = Lot.objects.count() + 1
    product = Product.objects.create(
        kind=Kind.LOT, slug=f"bids-{number}", category_id=room.category, name_zh="基准"
    )
    sku = Sku.objects.create(product=product, code=f"bids-{number}", price=0)
    lot = Lot.objects.create(
        session_id=room.session,
        number=number,
        sku=sku,
        name_zh="基准",
        start_price=START,
        steps=[[0, STEP]],
        deposit=START,
    )
    at = now()
    Bidding.objects.create(
        lot=lot,
        session_id=room.session,
        sku_id=sku.pk,
        state=LotState.LIVE,
        opens_at=at - timedelta(minutes=1),
        closes_at=at + timedelta(days=1),
        due_at=at + timedelta(days=1),
    )
    return lot.pk


def clear() -> None:
    """No bids, no open lots; statistics fresh and everything written back."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The log refuses to be emptied; in a database of the benchmark's own it may be.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("TRUNCATE auctions_bid")
        cursor.execute("DELETE FROM auctions_bidding")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) auctions_bid, auctions_bidding, auctions_deposit")
        cursor.execute("CHECKPOINT")
