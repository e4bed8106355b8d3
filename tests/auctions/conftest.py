"""A database of its own for each sale, and a provider that says what a test lets it say."""

from __future__ import annotations

from tests.auctions.house import alipay, house
from tests.races.conftest import keys

__all__ = ["alipay", "house", "keys"]
