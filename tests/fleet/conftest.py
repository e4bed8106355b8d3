"""A belfry's database, a private broker, and processes that ring it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock.conftest import _bells, _own_folder, tower
from tests.fleet import brokers
from tests.fleet.crew import Crew

__all__ = ["_bells", "_own_folder", "tower"]


@pytest.fixture(scope="session")
def redis() -> Iterator[tuple[str, brokers.Server]]:
    with brokers.redis() as found:
        yield found


@pytest.fixture
def crew(_bells: str, redis: tuple[str, brokers.Server], tmp_path: Path) -> Iterator[Crew]:
    """Processes of this test alone, on Redis."""
    made = Crew(redis[0], _bells, tmp_path)
    yield made
    made.end()
