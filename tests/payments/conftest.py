"""The room's fixtures: one simulator for all tests, a shop in a database of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from alipay_simulator.control import Simulator
from shigu.payments import tallying
from tests import conftest as databases
from tests.payments.shopfront import Shop, served, sweep


@pytest.fixture(scope="session")
def one_simulator() -> Iterator[Simulator]:
    """Alipay on this machine, with its waits shortened 600 times."""
    with Simulator.started(speed=600, extra=["--notify-timeout", "3"]) as simulator:
        yield simulator


@pytest.fixture
def simulator(one_simulator: Simulator, settings: Any) -> Simulator:
    """Alipay with no memory of earlier tests, and a shop configured for it by its files."""
    one_simulator.reset()
    one_simulator.clear_faults()
    one_simulator.clock(0)
    settings.ALIPAY_GATEWAY = one_simulator.gateway
    settings.ALIPAY_SIMULATOR_DIR = str(one_simulator.data)
    settings.ALIPAY_TIMEOUT = timedelta(seconds=2)
    return one_simulator


@pytest.fixture(autouse=True)
def _fresh_tally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "_written", float("-inf"))
    tallying._waiting.clear()


@pytest.fixture(autouse=True)
def _no_static_files(plain_files: None) -> None:
    """No page is looked at here: nothing needs to have been collected."""


@pytest.fixture(scope="session")
def room(template: str) -> Iterator[str]:
    """One database of this room's own, swept before each test: cheaper than a fresh one each time."""
    home = connections.settings["default"]["NAME"]
    databases._copy(template, f"{home}_payments")
    yield f"{home}_payments"
    databases._drop(f"{home}_payments")


@pytest.fixture
def committed(room: str, django_db_blocker: Any) -> Iterator[None]:
    """Commits are real, any thread may connect, nothing of an earlier test is there."""
    home = connections.settings["default"]["NAME"]
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(room)
        sweep()
        yield
        connections.close_all()
        databases._use(home)


@pytest.fixture
def shop(committed: None, simulator: Simulator, settings: Any) -> Iterator[Shop]:
    """A shop that commits, reachable over HTTP, with Alipay at the other end."""
    with served() as url:
        settings.SITE_URL = url
        yield Shop(simulator)
