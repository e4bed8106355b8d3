"""PostgreSQL clusters for tests, which forget (fsync off), for nothing is killed in most tests.

Rooms that kill a database or a process start a durable one of their own. A run of rooms has a new
cluster, ended with the run, in memory where there is enough: a test that commits copies a database of a
thousand files and drops it, and a disk that keeps the places of files just deleted (ext4 without a
journal) looks at all of them for each new one, so that a copy takes ten times as long after a while.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VAR = Path(__file__).resolve().parent.parent / "var"
MEMORY = Path("/dev/shm")
ENOUGH = 2**30
"""Bytes that must be free in memory: a whole run was seen to hold a fifth of it at its most."""

SMALL = {"max_wal_size": "'256MB'", "min_wal_size": "'64MB'"}
"""What is written for a restart that never comes is kept short, since it lies in memory."""


def start(folder: Path) -> str:
    """The URL of a cluster that forgets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from shigu.kit import postgres

        return postgres.start(folder, settings=postgres.FORGETFUL | SMALL)


@contextmanager
def of_a_run() -> Iterator[dict[str, str]]:
    """The variables of a run's rooms: a new cluster, gone at the end with all it wrote.

    One that a killed run left goes first. Where a server is named already that one is used, and each
    room migrates for itself.
    """
    if "DATABASE_URL" in os.environ:
        yield {}
        return
    place = MEMORY if _has_room(MEMORY) else VAR
    for folder in place.glob("shigu-tests-*"):
        if folder.is_dir() and not Path("/proc", folder.name.rpartition("-")[2]).exists():
            _end(folder)
    ours = place / f"shigu-tests-{os.getpid()}"
    try:
        yield {"DATABASE_URL": start(ours), "SHIGU_TEST_TEMPLATE": "template_of_rooms"}
    finally:
        _end(ours)


def _end(folder: Path) -> None:
    from shigu.kit import postgres

    postgres.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def _has_room(memory: Path) -> bool:
    """Is this a file system in memory with enough of it free, for it and for all else?"""
    if not os.path.ismount(memory) or shutil.disk_usage(memory).free < ENOUGH:
        return False
    figures = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(figures["MemAvailable"].split()[0]) * 1024 > 2 * ENOUGH
