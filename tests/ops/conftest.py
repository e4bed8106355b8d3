"""The room's seeded shop: made once, copied for whoever commits, rolled back for whoever only tries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from shigu import clock
from shigu.ops.seeding.run import seed
from tests import conftest as databases

_seeded_at = 0.0


def _back_to_the_seed() -> None:
    """A seeded shop gets old while other tests run: its clock stands where seeding ended."""
    clock.shift(-timedelta(seconds=time.monotonic() - _seeded_at))


@pytest.fixture(scope="session")
def seeded(template: str, django_db_blocker: Any, keys: Path) -> Iterator[str]:
    """The name of a database with the whole seeded shop in it; copy it, never change it."""
    from django.conf import settings

    home = connections.settings["default"]["NAME"]
    name = f"{home}_seeded"
    databases._copy(template, name)
    folder, settings.ALIPAY_SIMULATOR_DIR = settings.ALIPAY_SIMULATOR_DIR, str(keys)
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(name)
        seed()
        global _seeded_at
        _seeded_at = time.monotonic()
        connections.close_all()
        databases._use(home)
    settings.ALIPAY_SIMULATOR_DIR = folder
    yield name
    databases._drop(name)


@pytest.fixture
def shop(seeded: str, django_db_blocker: Any, settings: Any, keys: Path) -> Iterator[str]:
    """A seeded shop of the test's own; commits are real."""
    settings.ALIPAY_SIMULATOR_DIR = str(keys)
    home, name = connections.settings["default"]["NAME"], f"{seeded}_copy"
    databases._copy(seeded, name)
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(name)
        _back_to_the_seed()
        yield name
        connections.close_all()
        databases._use(home)
    databases._drop(name)


@pytest.fixture
def tried(seeded: str, django_db_blocker: Any) -> Iterator[None]:
    """The seeded shop itself; whatever the test does to it is rolled back."""
    home = connections.settings["default"]["NAME"]
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(seeded)
        with transaction.atomic():
            _back_to_the_seed()
            yield
            transaction.set_rollback(True)
        connections.close_all()
        databases._use(home)
