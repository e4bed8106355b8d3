"""One Chromium and one shop for the whole room; a fresh context and fresh people for each test.

Each test is walked on a phone in Chinese or at a desk in English, neighbours differently; with `--deep`, and
where one is marked `both`, on both. `walk(user)` gives a `Walker`; what any of them complained of fails its
test at the end, and a failed test leaves pictures of its windows in `var/tests/browser/`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, expect, sync_playwright

from shigu.accounts.models import User
from tests.browser.market import ROOT, Market
from tests.browser.walker import DESK, PATIENCE, PHONE, Kind, Walker

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
]
PICTURES = ROOT / "var" / "tests" / "browser"
Walk = Callable[..., Walker]

failed = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def market_of_the_room(request: pytest.FixtureRequest) -> Iterator[Market]:
    """The whole shop, started once; its folder, with its logs, is kept where a test failed."""
    market = Market(PICTURES / f"market-{os.getpid()}")
    try:
        market.open()
        yield market
    finally:
        market.close()
        if not request.session.testsfailed:
            shutil.rmtree(market.folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, started once."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def market(
    market_of_the_room: Market, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Market]:
    """The shop, its rows in this test's hands, and a provider that does what it should."""
    # Playwright drives a loop in this thread; the models are used by this thread alone.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    monkeypatch.setattr(settings, "ALIPAY_SIMULATOR_DIR", str(market_of_the_room.sim.data))
    monkeypatch.setattr(settings, "ALIPAY_GATEWAY", market_of_the_room.sim.gateway)
    with django_db_blocker.unblock():
        home = market_of_the_room.use_database()
        try:
            yield market_of_the_room
        finally:
            market_of_the_room.sim.clear_faults()
            market_of_the_room.use_database(home)


@pytest.fixture(params=[PHONE, DESK], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """On a phone in Chinese, or at a desk in English."""
    return request.param


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the two ways to walk a test keep one, turn about, but for those that are to be walked both ways."""
    if "SHIGU_DEEP" in os.environ:
        return
    left_out = []
    here = [one for one in items if one.path.parent == Path(__file__).parent]
    ways = [one for one in here if "kind" in getattr(getattr(one, "callspec", None), "params", {})]
    for _, same in groupby(sorted(ways, key=_walked), key=_walked):
        pair = sorted(same, key=lambda one: one.nodeid)
        if len(pair) > 1 and not pair[0].get_closest_marker("both"):
            left_out.append(pair[len(left_out) % 2])
    items[:] = [one for one in items if one not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _walked(item: pytest.Item) -> tuple[str, str]:
    """What two ways to walk the same have in common."""
    params = {name: value for name, value in item.callspec.params.items() if name != "kind"}  # type: ignore[attr-defined]
    return item.location[0], f"{item.originalname} {params}"  # type: ignore[attr-defined]


@pytest.fixture
def walk(
    request: pytest.FixtureRequest, market: Market, browser: Browser, kind: Kind
) -> Iterator[Walk]:
    """`walk(user)` sends somebody out; they come back when the test is over."""
    out: list[Walker] = []

    def send(user: User | None = None, **more: Any) -> Walker:
        out.append(Walker(market, browser, more.pop("kind", kind), user, **more))
        return out[-1]

    yield send
    went_wrong = request.node.stash.get(failed, False) or any(one.complaints for one in out)
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    for number, walker in enumerate(out):
        walker.close(_picture(f"{name}.{number}") if went_wrong else None)
    assert [one for walker in out for one in walker.complaints] == []


@pytest.fixture
def alice(market: Market) -> User:
    """The buyer, new to the shop."""
    return market.invite("alice")


@pytest.fixture
def bob(market: Market) -> User:
    """Somebody else."""
    return market.invite("bob")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember on the test itself whether it failed, for its fixtures' endings."""
    report = yield
    if report.when == "call":
        item.stash[failed] = report.failed
    return report


def _picture(name: str) -> Path:
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES / f"{name}.png"
