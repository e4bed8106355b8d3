"""A durable PostgreSQL of the benchmarks' own, never the demo's: in var/, up while one runs.

`running(var)` starts it, makes a fresh migrated database, points the environment of this process and
of all its children at it, and ends the server. Two benchmarks at once would measure each other, so
the second one is refused.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from shigu.bench.errors import Busy
from shigu.kit import postgres

DATABASE = "bench"
SETTINGS = {"track_commit_timestamp": "on"}
"""On top of what the shop's own embedded server has."""


@contextmanager
def running(var: Path) -> Iterator[None]:
    """A server with an empty database, while the block lasts."""
    folder = var / "bench-postgres"
    (var / "bench").mkdir(parents=True, exist_ok=True)
    with _alone(var / "bench" / "lock"):
        try:
            url = postgres.start(folder, settings=SETTINGS, database="postgres")
            _empty(url)
            os.environ["DATABASE_URL"] = url.replace("/postgres?", f"/{DATABASE}?")
            yield
        finally:
            postgres.stop(folder)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(Busy.__doc__) from None
        yield


def _empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
