"""Pages in tests: static files by their plain names, nothing collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any, tmp_path: Path) -> None:
    """Hashed names need `collectstatic`, which a test of a page does not."""
    static = tmp_path / "static"
    static.mkdir()
    settings.STATIC_ROOT = static
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": backend}
