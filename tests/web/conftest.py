"""Pages in tests: static files by their plain names, nothing collected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any, tmp_path: Path) -> None:
    """Hashed names need `collectstatic`, which a test of a page does not."""
    static = tmp_path / "static"
    static.mkdir()
    settings.STATIC_ROOT = static
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": backend}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the simulator's keys; nobody runs behind them."""
    folder = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "alipay_simulator", "init", "--data", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def alipay(keys: Path, settings: Any) -> None:
    """Alipay is set up, but cannot be reached: what it says, a test says for it."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"


@pytest.fixture(autouse=True)
def no_memory_of_earlier_tests() -> Iterator[None]:
    """Limits count on the cache: each test starts with an empty one."""
    cache.clear()
    yield
    cache.clear()
