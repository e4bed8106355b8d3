"""A private RabbitMQ for the run, and a belfry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock.conftest import _bells, _own_folder, tower
from tests.fleet import brokers
from tests.fleet.conftest import no_turns
from tests.fleet.crew import Crew

__all__ = ["_bells", "_own_folder", "no_turns", "tower"]


@pytest.fixture(scope="session")
def rabbit() -> Iterator[tuple[str, brokers.Server]]:
    with brokers.rabbit() as found:
        yield found


@pytest.fixture
def crew(_bells: str, rabbit: tuple[str, brokers.Server], tmp_path: Path) -> Iterator[Crew]:
    """Processes of this test alone, on RabbitMQ."""
    made = Crew(rabbit[0], _bells, tmp_path)
    yield made
    made.end()
