"""One simulator for the whole room, emptied before each test; no Django, no shop."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from alipay_simulator.control import Simulator
from tests.simulator.merchant import Merchant, Till


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator.started(speed=2400, extra=["--notify-timeout", "1"]) as sim:
        yield sim


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
def till() -> Iterator[Till]:
    till = Till()
    yield till
    till.close()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False, timeout=10) as client:
        yield client


@pytest.fixture
def shop(sim: Simulator, till: Till, http: httpx.Client) -> Merchant:
    return merchant_of(sim, till, http)


def merchant_of(sim: Simulator, till: Till, http: httpx.Client) -> Merchant:
    app = sim.app
    keys = sim.merchant_private_key, sim.alipay_public_key
    url = f"{till.url}/pay/notify"
    return Merchant(sim.gateway, app["app_id"], app["seller_id"], *keys, url, http)


@pytest.fixture
def browser(sim: Simulator) -> Iterator[httpx.Client]:
    """A browser without scripts: follows nothing by itself, says which page it is on."""
    headers = {"origin": sim.url, "sec-fetch-site": "same-origin", "accept-language": "en"}
    with httpx.Client(base_url=sim.url, trust_env=False, verify=False, headers=headers) as client:
        yield client
