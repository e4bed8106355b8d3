"""A market in a database of its own for each race, configured with the simulator's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.auctions.house import alipay, house
from tests.conftest import keys as keys
from tests.races.market import Market

__all__ = ["alipay", "house"]


@pytest.fixture
def market(clone: str, keys: Path, settings: Any) -> Market:
    """Alice, Bob and a few teapots."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
    return Market()
