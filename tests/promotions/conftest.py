"""Pages of the back office are looked at here without collected files."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def plain_files(settings: Any) -> None:
    """Static files by their plain names."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
