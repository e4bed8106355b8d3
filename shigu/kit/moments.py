"""A moment as pages and scripts count it: whole milliseconds since 1970, `milliseconds(moment)`.

Always rounded down, as in the SQL of `auctions.snapshots`, and never by way of a float: the same end of a lot
is the same number wherever it is told.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Since the epoch."""
    return (moment - EPOCH) // ONE
