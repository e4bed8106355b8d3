"""Fixtures for every room: a migrated template database, clones of it for tests that commit, Alipay's keys.

`db` (pytest-django's) rolls each test back. `clone` gives a test a database of its own, copied from
the template in a tenth of a second, for everything that commits, uses threads, or moves the clock.
`keys` is what a shop needs to have Alipay set up, `plain_files` lets pages be looked at without
collected files.
"""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from hypothesis import settings as hypothesis_settings
from psycopg import sql

hypothesis_settings.register_profile("rooms", deadline=None)  # a slow machine is no counterexample
hypothesis_settings.load_profile("rooms")

_numbers = itertools.count(1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported and collected stays; looking through it for garbage costs one part in fifteen."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A migrated template for clones, and a copy of it, the place for `db` tests.

    A run of rooms has one template for all of them, made by whoever comes first; a run by hand its own.
    """
    name = f"test_{os.getpid()}"
    template = _template()
    with django_db_blocker.unblock():
        _make_template(template)
        connections.close_all()
        _copy(template, name)
        _use(name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    _drop(name)
    if "SHIGU_TEST_TEMPLATE" not in os.environ:
        _drop(template)
    _use("shigu")


@pytest.fixture(scope="session")
def template(django_db_setup: None) -> str:
    """The name of the migrated, empty database that clones are copied from."""
    return _template()


@pytest.fixture
def clone(template: str, django_db_blocker: Any) -> Iterator[str]:
    """A database of this test's own; commits are real, any thread may connect."""
    home = connections.settings["default"]["NAME"]
    name = f"{home}_{next(_numbers)}"
    _copy(template, name)
    with django_db_blocker.unblock():
        connections.close_all()
        _use(name)
        yield name
        connections.close_all()
        _use(home)
    _drop(name)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the simulator's keys; nobody runs behind them."""
    folder = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "alipay_simulator", "init", "--data", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def plain_files(settings: Any) -> None:
    """Static files by their plain names: hashed ones need `collectstatic`, which a test does not."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]


def _template() -> str:
    return os.environ.get("SHIGU_TEST_TEMPLATE", f"test_{os.getpid()}_template")


def _make_template(name: str) -> None:
    """Migrated under another name, so that what has this one is whole; one at a time."""
    from django.core.management import call_command

    from shigu import clock

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as one:
        one.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        if one.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        _drop(f"{name}_new")
        _server(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"{name}_new")))
        _use(f"{name}_new")
        call_command("migrate", verbosity=0)
        clock.allow_shifting()
        connections.close_all()
        rename = "ALTER DATABASE {} RENAME TO {}"
        _server(sql.SQL(rename).format(sql.Identifier(f"{name}_new"), sql.Identifier(name)))


def _use(name: str) -> None:
    connections.settings["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name


def _copy(template: str, name: str) -> None:
    _server(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY WAL_LOG").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def _drop(name: str) -> None:
    _server(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _server(statement: sql.Composable) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)
