"""A market for the outbox: alice with a mail address, teapots, a course; mails are kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.races.market import Market


@pytest.fixture
def market(clone: str, keys: Path, settings: Any) -> Market:
    """Alice and a few teapots, in a database of the test's own."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
    return Market()
