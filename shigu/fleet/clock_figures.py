"""The clock's figures and the orders', read from the database when somebody asks: the same for every process.

Lateness and tallies are kept by minute and folded into one row when they are old (`clock.tidying`), so the
sums only grow, over restarts and however many processes drain. What happened to orders is counted from
their history, each row once: how far it was counted is remembered in the cache with the counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.core.cache import cache
from django.db import connection
from django.db.models import Max, Sum
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from shigu import clock
from shigu.clock import lateness, status
from shigu.clock.models import Lateness, Tally
from shigu.clock.status import KindStatus
from shigu.orders.models import OrderEvent

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 60, 600)
SETTLED = timedelta(minutes=10)
"""Older rows of the history are all committed: no transaction may live so long."""

COUNTED = "figures-of-orders"
HAPPENED = {"time": "expired"}
"""Words of the history that say less than the figure should."""


def collect() -> Iterator[Metric]:
    """All of them."""
    yield from _kinds(status.kinds())
    yield from _dispatchers()
    yield _late()
    yield from _tallies()
    yield _orders()


def _kinds(kinds: list[KindStatus]) -> Iterator[Metric]:
    figures: dict[str, tuple[str, Callable[[KindStatus], float]]] = {
        "waiting": ("Rows that are alive, 10 001 for more.", lambda k: k.waiting),
        "overdue": ("Rows that are due, 10 001 for more.", lambda k: k.overdue),
        "oldest_overdue_seconds": ("How long the oldest is due.", lambda k: k.oldest_overdue or 0),
        "quarantined": ("Rows set aside for operators.", lambda k: k.set_aside),
        "parked": ("Rings no more until an operator says so.", lambda k: k.parked_at is not None),
        "alarm": ("Parked, or its oldest row over the alarm line.", lambda k: k.alarm),
    }
    for name, (words, figure) in figures.items():
        family = GaugeMetricFamily(f"shigu_clock_{name}", words, labels=["kind"])
        for kind in kinds:
            family.add_metric([kind.kind], float(figure(kind)))
        yield family


def _dispatchers() -> Iterator[Metric]:
    seen = status.dispatchers()
    ages = GaugeMetricFamily(
        "shigu_clock_dispatcher_age_seconds", "Since it was last seen.", labels=["dispatcher"]
    )
    for row in seen:
        ages.add_metric([row["name"]], row["age"])
    yield ages
    yield GaugeMetricFamily("shigu_clock_dispatchers", "Known dispatchers.", value=len(seen))


def _late() -> Metric:
    family = HistogramMetricFamily(
        "shigu_clock_late_seconds", "Commit minus due, of each row.", labels=["kind"]
    )
    by_kind: dict[str, Counter[int]] = defaultdict(Counter)
    rows = Lateness.objects.values_list("kind", "bucket").annotate(n=Sum("rows"))
    for kind, bucket, n in rows:
        by_kind[kind][bucket] += n
    for kind, counts in sorted(by_kind.items()):
        family.add_metric([kind], *_histogram(counts))
    return family


def _histogram(counts: Counter[int]) -> tuple[list[tuple[str, float]], float]:
    """Prometheus' cumulative buckets from ours, and the sum of what they may be at most."""
    uppers = {bucket: lateness.upper(bucket).total_seconds() for bucket in counts}
    buckets: list[tuple[str, float]] = [
        (str(float(bound)), sum(n for bucket, n in counts.items() if uppers[bucket] <= bound))
        for bound in BOUNDS
    ]
    buckets.append(("+Inf", counts.total()))
    return buckets, sum(n * uppers[bucket] for bucket, n in counts.items())


def _tallies() -> Iterator[Metric]:
    columns = ("claimed", "affected", "failed", "batches")
    sums = [Sum(column) for column in columns]
    rows = list(Tally.objects.order_by("kind").values_list("kind").annotate(*sums))
    for place, column in enumerate(columns, start=1):
        family = CounterMetricFamily(
            f"shigu_clock_{column}", f"Rows or batches {column}.", labels=["kind"]
        )
        for row in rows:
            family.add_metric([row[0]], row[place])
        yield family


def _orders() -> Metric:
    family = CounterMetricFamily(
        "shigu_orders", "What happened to orders, by their history.", labels=["event"]
    )
    for event, n in sorted(orders().items()):
        family.add_metric([event], n)
    return family


def orders() -> dict[str, int]:
    """How often each thing happened to an order, ever."""
    counted, upto = cache.get(_name(), ({}, 0))
    settled = OrderEvent.objects.filter(pk__gt=upto, at__lt=clock.now() - SETTLED)
    until = settled.aggregate(last=Max("pk"))["last"]
    totals: Counter[str] = Counter(counted)
    if until:
        totals.update(_between(upto, until))
        cache.set(_name(), (dict(totals), until), None)
    totals.update(_between(until or upto, None))
    return {HAPPENED.get(why, why): n for why, n in totals.items()}


def _name() -> str:
    return f"{COUNTED}-{connection.settings_dict['NAME']}"


BETWEEN = """
SELECT why, count(*) FROM orders_orderevent
 WHERE id > %s AND (%s::bigint IS NULL OR id <= %s) GROUP BY why
"""


def _between(after: int, until: int | None) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(BETWEEN, [after, until, until])
        return dict(cursor.fetchall())
