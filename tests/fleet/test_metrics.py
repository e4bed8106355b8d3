"""Figures for Prometheus: who may read them, that they add up over processes, that they only grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from shigu import clock
from shigu.clock import lateness
from shigu.clock.models import Dispatcher, Lateness, Quarantine, Tally
from shigu.clock.quarantine import park
from shigu.clock.tidying import tidy
from shigu.fleet import admittance, clock_figures, exposing
from shigu.orders.cancelling import cancel
from tests.fleet.servers import Served, Street
from tests.goods import sku, teapot
from tests.people import alice
from tests.web.conftest import plain_static_files
from tests.web.ordering import placed
from tests.web.paying import lapsed

__all__ = ["plain_static_files"]

LOCAL = "127.0.0.1"
Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def figures(text: str) -> Figures:
    """Samples by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float:
    return found[(name, tuple(sorted(labels.items())))]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.mark.parametrize(
    ("peer", "headers", "admitted"),
    [
        (LOCAL, {}, True),
        ("::1", {}, True),
        ("10.0.0.9", {}, False),
        ("", {}, False),
        (LOCAL, {"x-forwarded-for": "10.0.0.9"}, False),
        (LOCAL, {"forwarded": "for=10.0.0.9"}, False),
        (LOCAL, {"x-real-ip": "10.0.0.9"}, False),
        (LOCAL, {"via": "1.1 proxy"}, False),
        ("10.0.0.9", {"authorization": "Bearer right"}, True),
        ("10.0.0.9", {"authorization": "bearer right"}, True),
        ("10.0.0.9", {"authorization": "Bearer wrong"}, False),
        ("10.0.0.9", {"authorization": "Basic right"}, False),
        ("10.0.0.9", {"authorization": "Bearer "}, False),
    ],
)
def test_who_may_read_them(
    peer: str, headers: dict[str, str], admitted: bool, settings: Any
) -> None:
    """This machine, unless a proxy of it passes somebody on; elsewhere only with the token."""
    settings.METRICS_TOKEN = "right"
    assert admittance.is_admitted(peer, headers) is admitted


def test_without_a_token_no_token_is_right(settings: Any) -> None:
    """An empty secret opens nothing."""
    settings.METRICS_TOKEN = ""
    assert not admittance.is_admitted("10.0.0.9", {"authorization": "Bearer "})


def test_they_are_off_unless_asked_for(client: Client, settings: Any) -> None:
    """404 without SHIGU_METRICS, 403 for strangers with it."""
    settings.METRICS = False
    assert client.get("/metrics").status_code == 404
    settings.METRICS = True
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 403


def test_what_the_clock_and_the_orders_show(clone: str, client: Client, settings: Any) -> None:
    """Waiting, overdue, set aside, parked, dispatchers, lateness and the history of orders."""
    settings.METRICS = True
    orders = [placed(alice(), (sku(teapot()), 1)) for _ in range(3)]
    cancel(orders[0].pk, by=orders[0].user_id)
    lapsed(orders[1])
    at = clock.now()
    Dispatcher.objects.create(name="one", started_at=at, ticked_at=at - timedelta(seconds=7))
    Quarantine.objects.create(kind="orders.expire", subject=1, due_at=at, try_at=at, failed_at=at)
    park(clock.kinds.find("payments.send"), "test")
    lateness.observe("orders.expire", [timedelta(milliseconds=ms) for ms in (1, 4, 90, 3000)])
    lateness.flush(at_once=True)
    found = figures(client.get("/metrics").content.decode())
    assert of(found, "shigu_database_up") == 1
    assert of(found, "shigu_orders_total", event="placed") == 3
    assert of(found, "shigu_orders_total", event="cancelled") == 1
    assert of(found, "shigu_orders_total", event="expired") == 1
    assert of(found, "shigu_clock_waiting", kind="orders.expire") == 1
    assert of(found, "shigu_clock_overdue", kind="orders.expire") == 1
    assert 59 < of(found, "shigu_clock_oldest_overdue_seconds", kind="orders.expire") < 90
    assert of(found, "shigu_clock_alarm", kind="orders.expire") == 1
    assert of(found, "shigu_clock_quarantined", kind="orders.expire") == 1
    assert of(found, "shigu_clock_parked", kind="payments.send") == 1
    assert of(found, "shigu_clock_parked", kind="orders.expire") == 0
    assert 6 < of(found, "shigu_clock_dispatcher_age_seconds", dispatcher="one") < 30
    late = "shigu_clock_late_seconds"
    assert of(found, f"{late}_count", kind="orders.expire") == 4
    assert of(found, f"{late}_bucket", kind="orders.expire", le="0.001") == 1
    assert of(found, f"{late}_bucket", kind="orders.expire", le="0.1") == 3
    assert of(found, f"{late}_bucket", kind="orders.expire", le="10.0") == 4


def test_orders_are_counted_once_each(clone: str) -> None:
    """What was counted before is remembered, what came since is added, and a lost memory counts the same."""
    order = placed(alice(), (sku(teapot()), 1))
    assert clock_figures.orders() == {"placed": 1}
    with clock.shifted(timedelta(hours=1)):
        assert clock_figures.orders() == {"placed": 1}
    counted, upto = cache.get(clock_figures._name())
    assert counted == {"placed": 1}
    assert upto == order.events.get().pk
    cancel(order.pk, by=order.user_id)
    assert clock_figures.orders() == {"placed": 1, "cancelled": 1}
    cache.clear()
    assert clock_figures.orders() == {"placed": 1, "cancelled": 1}


def test_counters_never_go_back(clone: str) -> None:
    """Old minutes are folded together: their sums stay, the last hour's quantiles do not see them."""
    old = clock.now() - timedelta(days=4)
    for minutes in range(3):
        at = old + timedelta(minutes=minutes)
        Lateness.objects.create(kind="orders.expire", minute=at, bucket=8, rows=10)
        Tally.objects.create(kind="orders.expire", minute=at, claimed=7, affected=5)
    recent = clock.now()
    Lateness.objects.create(kind="orders.expire", minute=recent, bucket=0, rows=1)
    before = _counters()
    for _ in range(2):
        tidy(now=clock.now())
        assert _counters() == before
    assert of(before, "shigu_clock_late_seconds_count", kind="orders.expire") == 31
    assert of(before, "shigu_clock_claimed_total", kind="orders.expire") == 21
    assert Lateness.objects.count() == 2
    assert lateness.quantiles("orders.expire", 0.99) == [0.001]


def _counters() -> Figures:
    text = exposing.page(alone=False)[0].decode()
    return {
        key: value
        for key, value in figures(text).items()
        if key[0].startswith(("shigu_clock_late", "shigu_clock_claimed", "shigu_clock_affected"))
    }


def test_a_database_that_is_away_leaves_the_rest(
    db: None, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures are missing and it is said; no error page."""

    def away() -> None:
        raise OperationalError("gone")

    settings.METRICS = True
    monkeypatch.setattr(clock_figures, "collect", away)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert of(figures(answer.content.decode()), "shigu_database_up") == 0


def _asked(served: Served) -> Figures:
    return figures(served.get("/metrics?only=process").text)


def _asked_again(served: Served, tries: int = 5) -> Figures:
    """What was on its way to a killed process is reset: its client asks once more."""
    for _ in range(tries):
        with suppress(httpx.ReadError, httpx.RemoteProtocolError):
            return _asked(served)
    raise AssertionError("it resets every connection")


def test_all_processes_of_a_server_are_counted_together(street: Street) -> None:
    """Whichever of two answers; a killed one's counts stay, its live figures go, a restart begins anew."""
    pages = street.pages(workers=2, SHIGU_METRICS="1")
    for _ in range(40):
        assert pages.get("/clock.json").status_code == 200
    wanted = {"method": "GET", "route": "clock.json", "status": "200"}
    told = [_asked(pages) for _ in range(6)]
    assert {of(one, "shigu_http_requests_total", **wanted) for one in told} == {40}
    assert of(told[0], "shigu_http_request_seconds_count", route="clock.json") == 40
    workers = _pids(told[0])
    assert len(workers) == 2
    assert of(told[0], "shigu_database_pool_connections", state="most", pid=workers[0]) == 20
    os.kill(int(workers[0]), signal.SIGKILL)
    _until(lambda: len(psutil.Process(pages.pid).children()) == 2 and not _lives(int(workers[0])))
    _until(lambda: workers[0] not in _pids(_asked_again(pages)))  # once its server has buried it
    after = _asked_again(pages)
    assert of(after, "shigu_http_requests_total", **wanted) == 40
    assert "shigu_clock_waiting" not in {name for name, _ in after}
    assert "shigu_clock_waiting" in {name for name, _ in figures(pages.get("/metrics").text)}


def test_what_visitors_make_up_is_no_series(street: Street) -> None:
    """Unknown addresses and odd methods are one figure each."""
    pages = street.pages(SHIGU_METRICS="1")
    for number in range(5):
        pages.get(f"/no-such-{number}/")
    names = [key for key in _asked(pages) if key[0] == "shigu_http_requests_total"]
    assert [dict(labels)["route"] for _, labels in names] == ["none"]


def _pids(found: Figures) -> list[str]:
    name = "shigu_process_resident_bytes"
    return sorted(dict(labels)["pid"] for key, labels in found if key == name)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(condition: Any, seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.05)


def test_the_event_process_has_its_own(street: Street) -> None:
    """Streams, looks and words; under the same rules."""
    events = street.events(SHIGU_METRICS="1")
    found = figures(events.get("/events/metrics").text)
    assert of(found, "shigu_events_streams") == 0
    assert of(found, "shigu_events_pushed") == 0
    assert events.get("/events/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 403


def test_a_small_shop_imports_none_of_it(tmp_path: Path) -> None:
    """Pages and event streams without broker, Redis or figures load nothing of a fleet's packages."""
    code = (
        "import sys, shigu.wsgi, shigu.events\nfrom django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "fleet = {'celery', 'kombu', 'flower', 'prometheus_client', 'redis', 'opentelemetry'}\n"
        "print(sorted(fleet & set(sys.modules)))"
    )
    env = {n: t for n, t in os.environ.items() if n != "PROMETHEUS_MULTIPROC_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
