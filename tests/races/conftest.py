"""A market in a database of its own for each race, configured with the simulator's keys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.auctions.house import alipay, house
from tests.races.market import Market

__all__ = ["alipay", "house"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the simulator's keys; no simulator needs to run where nobody is asked."""
    folder = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "alipay_simulator", "init", "--data", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def market(clone: str, keys: Path, settings: Any) -> Market:
    """Alice, Bob and a few teapots."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
    return Market()
