"""The room's fixtures: Alipay is set up and cannot be reached; what it says, a test says for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the simulator's keys; nobody runs behind them."""
    folder = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "alipay_simulator", "init", "--data", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(autouse=True)
def alipay(keys: Path, settings: Any) -> None:
    """Alipay by its files."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
