"""A database with bells in it, and a kind that rings them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections

from shigu import clock
from shigu.clock import kinds, lateness
from tests import conftest as databases
from tests.clock import bells
from tests.clock.bells import WAITING, Bell, Strike

SECOND = timedelta(seconds=1)


class Tower:
    """Hangs bells, declares the kind that rings them, counts how often each rang."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    def hang(self, count: int = 1, *, ago: timedelta = SECOND, **values: object) -> list[int]:
        """Waiting bells, due `ago`, a millisecond after each other."""
        first = clock.now() - ago
        made = Bell.objects.bulk_create(
            Bell(due_at=first + timedelta(microseconds=n), **values) for n in range(count)
        )
        return [bell.pk for bell in made]

    def ring(self, ids: list[int], *, now: datetime) -> int:
        """The good handler: one strike a bell, set-based; bad bells raise."""
        self.calls.append(ids)
        if Bell.objects.filter(pk__in=ids, bad=True).exists():
            raise ValueError("cracked")
        changed = Bell.objects.filter(WAITING, pk__in=ids).update(state="rung")
        Strike.objects.bulk_create(Strike(bell=pk, at=now) for pk in ids)
        return changed

    def declare(self, handler: object = None, **options: object) -> kinds.Kind:
        """Ring bells with `handler`, under the name bells.ring."""
        options = {"due": "due_at", "among": WAITING, "name": "bells.ring"} | options
        clock.rings(Bell, **options)(handler or self.ring)  # type: ignore[arg-type,type-var]
        return kinds.find("bells.ring")

    def rung(self) -> list[int]:
        """Bells in the order in which they were struck, each as often as it was."""
        return list(Strike.objects.order_by("pk").values_list("bell", flat=True))

    def waiting(self) -> int:
        return Bell.objects.filter(WAITING).count()


@pytest.fixture(scope="session")
def _bells(template: str, django_db_blocker: Any) -> Iterator[str]:
    """One clone with towers for this room; each test finds it empty."""
    home = connections.settings["default"]["NAME"]
    name = f"{home}_bells_{next(databases._numbers)}"
    databases._copy(template, name)
    with django_db_blocker.unblock():
        connection.close()
        databases._use(name)
        with connection.schema_editor() as editor:
            for model in bells.ALL:
                editor.create_model(model)
        connection.close()
        databases._use(home)
    yield name
    databases._drop(name)


@pytest.fixture
def tower(_bells: str, django_db_blocker: Any) -> Iterator[Tower]:
    """Empty towers, real commits, any number of connections; only kinds of this test are known."""
    home = connections.settings["default"]["NAME"]
    with django_db_blocker.unblock(), kinds.apart():
        connection.close()
        databases._use(_bells)
        _empty()
        yield Tower()
        lateness.forget()
        connection.close()
        databases._use(home)


def _empty() -> None:
    models = [*bells.ALL, *apps.get_app_config("clock").get_models()]
    tables = ", ".join(model._meta.db_table for model in models)
    lateness.forget()
    clock.allow_shifting()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY; UPDATE clock_offset SET moved = '0'")


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    """No test talks to a runner outside of itself."""
    settings.VAR_DIR = tmp_path
