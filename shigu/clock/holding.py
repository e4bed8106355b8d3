"""How long a batch holds what buyers wait for: counted from the moment its handler has locked it.

A handler of a kind that `holds` says `clock.locked()` once it has the rows that others want. What came
before it, waiting for those rows included, is not its hold; a batch that counted its own waiting would
shrink whenever somebody else is slow, to the point where it does nothing but wait.
"""

from __future__ import annotations

import threading
import time

_mine = threading.local()


def locked() -> None:
    """From now until its commit this batch holds what others wait for."""
    _mine.since = time.monotonic()


def begin() -> None:
    """A batch begins; until `locked` is said, everything counts."""
    locked()


def seconds() -> float:
    """How long this thread's batch has held by now."""
    return time.monotonic() - float(_mine.since)
