"""Milliseconds of moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from shigu.kit.moments import milliseconds

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_every_microsecond_is_rounded_down() -> None:
    """Two thousand microseconds from a second on; the control: `round` tells another end than SQL's `floor`."""
    noon = milliseconds(NOON)
    assert noon == 1_795_262_400_000
    moments = [NOON + timedelta(microseconds=n) for n in range(2000)]
    assert [milliseconds(one) - noon for one in moments] == [0] * 1000 + [1] * 1000
    assert any(round(one.timestamp() * 1000) != milliseconds(one) for one in moments)


def test_the_zone_does_not_matter() -> None:
    """Eight hours east it is the same moment."""
    east = NOON.astimezone(timezone(timedelta(hours=8)))
    assert milliseconds(east) == milliseconds(NOON)
