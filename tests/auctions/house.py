"""An auction house for tests: a database of its own, and a provider that says what a test lets it say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from shigu.payments.provider import Answer, Fate, RefundAnswer, Standing, providers


class Alipay:
    """What Alipay answers: for all numbers, or for one."""

    def __init__(self) -> None:
        self.usual: Callable[[str], Answer] = lambda number: Answer(number, Standing.NOT_CREATED)
        self.of: dict[str, Answer] = {}
        self.asked: list[str] = []

    def query(self, number: str) -> Answer:
        """How does it stand?"""
        self.asked.append(number)
        return self.of.get(number) or self.usual(number)

    def close(self, number: str) -> Standing:
        """Close it: what waits is closed, what it never heard of it does not know."""
        standing = self.query(number).standing
        return Standing.CLOSED if standing is Standing.WAITING else standing


@pytest.fixture
def alipay(monkeypatch: pytest.MonkeyPatch) -> Alipay:
    """Nobody has paid there, and refunds arrive at once."""
    there = Alipay()
    monkeypatch.setattr(providers["alipay"], "query", there.query)
    monkeypatch.setattr(providers["alipay"], "close", there.close)
    sent = RefundAnswer(Fate.SENT, "sent")
    monkeypatch.setattr(providers["alipay"], "refund", lambda refund: sent)
    return there


@pytest.fixture
def house(clone: str, keys: Path, settings: Any, alipay: Alipay) -> Alipay:
    """An auction house with a database of its own; time may be moved."""
    cache.clear()  # bids of the test before, by people and on lots of the same ids
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    settings.ALIPAY_GATEWAY = "http://127.0.0.1:9/gateway.do"
    return alipay
