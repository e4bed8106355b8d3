"""The event process's figures, for Prometheus: one process behind its address, so nothing is shared."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector


class Watching(Protocol):
    """What is read of `shigu.events.Watch`."""

    streams: Sized
    watched: Sized
    looks: int
    troubles: int
    words: int
    pushed: bool


class Streams(Collector):
    """How many listen to one kind of row, and what that costs."""

    def __init__(self, watch: Watching, name: str, rows: str) -> None:
        self.watch, self.name, self.rows = watch, name, rows

    def collect(self) -> Iterator[Metric]:
        watch = self.watch
        gauges = {
            "streams": ("Pages that listen.", len(watch.streams)),
            "watched": (f"{self.rows} that they watch.", len(watch.watched)),
            "pushed": ("Is it told of changes over Redis?", watch.pushed),
        }
        counters = {
            "looks": ("Questions to the database.", watch.looks),
            "troubles": ("Questions it did not answer.", watch.troubles),
            "words": ("Changes told.", watch.words),
        }
        for name, (words, figure) in gauges.items():
            yield GaugeMetricFamily(f"shigu_{self.name}_{name}", words, value=float(figure))
        for name, (words, figure) in counters.items():
            yield CounterMetricFamily(f"shigu_{self.name}_{name}", words, value=float(figure))


def page(orders: Watching, lots: Watching) -> tuple[bytes, str]:
    """The text and its type."""
    registry = CollectorRegistry()
    registry.register(Streams(orders, "events", "Orders"))
    registry.register(Streams(lots, "lot_events", "Lots"))
    return generate_latest(registry), CONTENT_TYPE_LATEST
