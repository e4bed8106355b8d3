"""What a side's processes cost: CPU seconds and resident memory of trees of processes, PostgreSQL's as well.

`cpu(roots)` counts processes that have ended, too, as long as their parents have been told of it.
`Memory` samples a tree while a block lasts; what grew is its peak less its beginning.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

import psutil
from django.db import connection

MEGABYTE = 2**20


def trees(roots: Iterable[int]) -> list[psutil.Process]:
    """These processes and all that they started and that still live."""
    found = []
    for pid in roots:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def cpu(roots: Iterable[int]) -> float:
    """Seconds of CPU so far."""
    total = 0.0
    for process in trees(roots):
        with suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def resident(roots: Iterable[int]) -> float:
    """Megabytes in memory now; pages that forks share are counted once for each of them."""
    total = 0
    for process in trees(roots):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / MEGABYTE


def postgres() -> int:
    """The pid of the server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_read_file('postmaster.pid', 0, 20)")
        return int(cursor.fetchone()[0].split()[0])


class Memory:
    """Samples what these trees have in memory, a few times each second, while the block lasts."""

    def __init__(self, roots: Iterable[int], *, every: float = 0.5) -> None:
        self._roots = list(roots)
        self._every = every
        self.began = self.most = resident(self._roots)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def grown(self) -> float:
        """Megabytes at most, less those at the beginning."""
        return self.most - self.began

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.most = max(self.most, resident(self._roots))
