"""How far from now a typed moment may lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shigu.kit.horizon import LIFETIME, Horizon, TooFar

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EAST = timezone(timedelta(hours=8))


@pytest.mark.parametrize("horizon", [Horizon(1, 10), LIFETIME])
def test_the_first_and_the_last_moment_are_too_far(horizon: Horizon) -> None:
    """In any zone; the refusal names where it may lie. What is near is not refused."""
    for zone in (UTC, EAST):
        first, last = datetime(1, 1, 1, tzinfo=zone), datetime(9999, 12, 31, 23, 59, tzinfo=zone)
        for moment in (first, last):
            with pytest.raises(TooFar) as refusal:
                horizon.refuse(moment, NOON)
            assert set(refusal.value.fill) == {"first", "last"}
    horizon.refuse(NOON - timedelta(days=366), NOON)
    horizon.refuse(NOON + timedelta(days=3650), NOON)
