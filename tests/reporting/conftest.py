"""Pages of this room are looked at without collected files."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _plain_files(plain_files: None) -> None:
    """For every test of this room."""
