"""Middleware that counts requests, only where `SHIGU_METRICS=1`; probes are answered before it.

By route, never by address: what visitors make up must not become a series. Figures of the process itself
(pool, memory, pushes) are written down with the request that just ended, once a second at most.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

from shigu.fleet import meters
from shigu.kit import shared
from shigu.kit.pushing import speaker

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
EVERY = 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class Metering:
    """See the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._shown_at = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with meters.in_hand.track_inprogress():
            response = self.get_response(request)
        route = _route(request)
        method = request.method if request.method in METHODS else "other"
        meters.requests.labels(method, route, str(response.status_code)).inc()
        meters.latency.labels(route).observe(time.perf_counter() - began)
        self._show()
        return response

    def _show(self) -> None:
        with self._lock:
            if time.monotonic() - self._shown_at < EVERY:
                return
            self._shown_at = time.monotonic()
        show_process()


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.route or "/") if match else "none"


def show_process() -> None:
    """Write down how this process is."""
    meters.memory.set(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE)
    meters.pushes.labels("said").set(speaker.said)
    meters.pushes.labels("lost").set(speaker.lost)
    meters.redis_away.set(shared.away.times + speaker.away.times)
    database = connections["default"]
    if isinstance(database, DatabaseWrapper) and (pool := database.pool):
        told = pool.get_stats()
        meters.connections.labels("open").set(told.get("pool_size", 0))
        meters.connections.labels("idle").set(told.get("pool_available", 0))
        meters.connections.labels("most").set(told.get("pool_max", 0))
        meters.waiting.set(told.get("requests_waiting", 0))
        meters.waited.set(told.get("requests_wait_ms", 0) / 1000)
