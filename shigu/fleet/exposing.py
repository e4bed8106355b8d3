"""The page of figures that Prometheus reads: this server's processes, then what the database says.

A database that is away leaves its figures out and says so (`shigu_database_up 0`); the rest stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from shigu.fleet import clock_figures, meters

log = structlog.get_logger(__name__)


class FromDatabase(Collector):
    """What every process would tell alike."""

    def collect(self) -> Iterator[Metric]:
        found, up = self._found()
        yield from found
        yield GaugeMetricFamily("shigu_database_up", "Did the database answer?", value=float(up))

    def _found(self) -> tuple[list[Metric], bool]:
        try:
            return list(clock_figures.collect()), True
        except DatabaseError as error:
            log.warning("metrics.database", problem=type(error).__name__)
            return [], False
        finally:
            connection.close()


def page(*, alone: bool) -> tuple[bytes, str]:
    """The text and its type; `alone` without what the database says."""
    meters.forget_dead()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    if not alone:
        registry.register(FromDatabase())
    return generate_latest(registry), CONTENT_TYPE_LATEST
