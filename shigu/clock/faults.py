"""What an exception says about the rows at hand: theirs, the moment's, too slow, or lost.

`fault(error)` looks through the chain of causes for PostgreSQL's own code, so that an app may wrap
what it catches.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import django.db
import psycopg


class Fault(Enum):
    ROW = "row"  # a row's own: bisect, count, set aside
    TRANSIENT = "transient"  # deadlock and the like: the whole again, not counted
    TIMEOUT = "timeout"  # half as many, and counted where it was one
    LOST = "lost"  # the connection is gone: again on a new one


_TRANSIENT = ("40", "53", "55006")
_TIMEOUT = ("57014", "55P03")
_LOST = ("08", "57P", "25P03")


def fault(error: BaseException) -> Fault:
    """Which of the four this is."""
    for cause in _causes(error):
        if isinstance(cause, psycopg.Error):
            return _by_state(cause)
        if isinstance(cause, django.db.InterfaceError):
            return Fault.LOST
    return Fault.ROW


def _by_state(error: psycopg.Error) -> Fault:
    state = error.sqlstate
    if state is None:
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Fault.LOST if lost else Fault.ROW
    if state.startswith(_TIMEOUT):
        return Fault.TIMEOUT
    if state.startswith(_LOST):
        return Fault.LOST
    return Fault.TRANSIENT if state.startswith(_TRANSIENT) else Fault.ROW


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
