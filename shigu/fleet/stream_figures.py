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
    """How many listen, and what that costs."""

    def __init__(self, watch: Watching) -> None:
        self.watch = watch

    def collect(self) -> Iterator[Metric]:
        watch = self.watch
        gauges = {
            "streams": ("Pages that listen.", len(watch.streams)),
            "watched": ("Orders that they watch.", len(watch.watched)),
            "pushed": ("Is it told of changes over Redis?", watch.pushed),
        }
        counters = {
            "looks": ("Questions to the database.", watch.looks),
            "troubles": ("Questions it did not answer.", watch.troubles),
            "words": ("Changes told.", watch.words),
        }
        for name, (words, figure) in gauges.items():
            yield GaugeMetricFamily(f"shigu_events_{name}", words, value=float(figure))
        for name, (words, figure) in counters.items():
            yield CounterMetricFamily(f"shigu_events_{name}", words, value=float(figure))


def page(watch: Watching) -> tuple[bytes, str]:
    """The text and its type."""
    registry = CollectorRegistry()
    registry.register(Streams(watch))
    return generate_latest(registry), CONTENT_TYPE_LATEST
