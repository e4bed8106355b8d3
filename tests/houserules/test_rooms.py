"""`bin/test` runs every test there is, each in one room."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import cluster
from tests.rooms import ROOMS, ROOT


def test_every_test_file_is_in_one_room() -> None:
    """No folder is forgotten, and what is split into two rooms is in neither of them twice."""
    there = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")}
    assert Counter(file for room in ROOMS for file in room.files) == Counter(there)


def test_a_run_uses_the_server_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of its own is started then, and nothing is taken from the variables."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/shop")
    with cluster.of_a_run() as variables:
        assert variables == {}


def test_every_room_has_tests() -> None:
    """A folder that moved leaves no empty room behind."""
    assert [room.name for room in ROOMS if not room.files] == []
