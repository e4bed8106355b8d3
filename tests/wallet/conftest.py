"""The room's fixtures: Alipay is set up and cannot be reached; what it says, a test says for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def alipay(keys: Path, settings: Any) -> None:
    """Alipay by its files."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
