"""One clock, the database's: `now()`; and, where it is allowed, moving it: `shifted`, `shift`.

Claims, decisions and plain SQL all read the same offset, so a moved clock moves everything
together. Nothing else in Shigu asks what time it is, except sessions, one-time codes and
signatures, which keep real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg.pq import TransactionStatus

from shigu.clock import functions
from shigu.clock.errors import ShiftRefused


def now() -> datetime:
    """This very moment by the database's clock, UTC. Read it after the lock where it decides."""
    moment: datetime = _value("SELECT shigu_clock()")
    return moment.astimezone(UTC)


def offset() -> timedelta:
    """How far this database's clock was moved."""
    if not is_shiftable():
        return timedelta(0)
    moved: timedelta = _value("SELECT moved FROM clock_offset")
    return moved


def is_shiftable() -> bool:
    """Whether this database's functions add an offset at all."""
    return bool(_value(functions.IS_SHIFTABLE))


def shift(by: timedelta) -> None:
    """Move the whole database's clock, for good."""
    if not (settings.CLOCK_MAY_SHIFT and is_shiftable()):
        raise ShiftRefused
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [by.total_seconds()])


_MOVE = "UPDATE clock_offset SET moved = moved + make_interval(secs => %s)"


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """The clock moved for a while; inside another `shifted` they add up."""
    shift(by)
    try:
        yield
    finally:
        # In a broken transaction nothing can be moved back, and its rollback does it anyway.
        if not _is_broken():
            shift(-by)


def allow_shifting() -> None:
    """Give this database functions that add the offset. For tests and the demo."""
    if not settings.CLOCK_MAY_SHIFT:
        raise ShiftRefused
    _run(functions.TABLE + functions.SHIFTABLE)


def forbid_shifting() -> None:
    """Back to the real clock, the offset forgotten."""
    _run(functions.REAL + functions.DROP_TABLE)


def _is_broken() -> bool:
    link = connection.connection
    return connection.needs_rollback or (
        link is not None and link.info.transaction_status == TransactionStatus.INERROR
    )


def _value(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return row[0] if row else None


def _run(script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)
