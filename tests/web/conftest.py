"""Pages in tests: static files by their plain names, nothing collected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache

from shigu.web import limits


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any, tmp_path: Path) -> None:
    """Hashed names need `collectstatic`, which a test of a page does not."""
    static = tmp_path / "static"
    static.mkdir()
    settings.STATIC_ROOT = static
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": backend}


@pytest.fixture
def alipay(keys: Path, settings: Any) -> None:
    """Alipay is set up, but cannot be reached: what it says, a test says for it."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of the limits never turns in the midst of a test, however slow the machine is."""
    began = time.time()
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: began))


@pytest.fixture(autouse=True)
def no_memory_of_earlier_tests() -> Iterator[None]:
    """Limits count on the cache: each test starts with an empty one."""
    cache.clear()
    yield
    cache.clear()
