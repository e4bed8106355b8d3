"""A belfry's database, a private broker, and processes that ring it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shigu.fleet.models import Turn
from tests.clock.conftest import Tower, _bells, _own_folder, tower
from tests.fleet import brokers
from tests.fleet.crew import Crew
from tests.fleet.servers import Street

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


@pytest.fixture
def no_turns(tower: Tower) -> None:
    """No entry of `beat_schedule` was ever sent."""
    Turn.objects.all().delete()


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for browsers, collected as a shop collects them."""
    var = tmp_path_factory.mktemp("collected")
    command = [sys.executable, "-m", "shigu", "collectstatic", "--noinput", "-v", "0"]
    subprocess.run(command, env=os.environ | {"SHIGU_VAR": str(var)}, check=True)
    return var / "static"


@pytest.fixture
def street(clone: str, static: Path, tmp_path: Path) -> Iterator[Street]:
    """Servers of this test alone, over its own database."""
    made = Street(clone, tmp_path, static)
    yield made
    made.end()
