"""A session's timeline as it is drawn: preview, waiting, bidding, the lots' ends one by one, and now.

Positions are thousandths of the whole. The composer's script draws the same from what is typed; this is what
stands there without a script, and on pages where nothing is typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shigu.auctions.models import Session

WHOLE = 1000
MOST_MARKS = 60
"""Ends of lots that are drawn each; of more every so many."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of it: what it is, from where, how wide."""

    what: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Line:
    """All of it; `now` is None where that is not on it."""

    spans: list[Span]
    ends: list[int]
    now: int | None
    last: datetime


def drawn(session: Session, now: datetime) -> Line:
    """Its saved times; ends that were moved stand where they are now."""
    ends = sorted(
        session.lots.exclude(bidding=None).values_list("bidding__closes_at", flat=True)
    ) or planned(session)
    last = max([session.closes_at, *ends])
    scale = _Scale(session.preview_from, last)
    parts = [
        ("preview", session.preview_from, session.preview_until),
        ("wait", session.preview_until, session.opens_at),
        ("open", session.opens_at, min(ends)),
        ("closing", min(ends), last),
    ]
    spans = [Span(what, scale.at(a), scale.at(b) - scale.at(a)) for what, a, b in parts]
    is_on = session.preview_from <= now <= last
    return Line(
        spans, _thinned([scale.at(end) for end in ends]), scale.at(now) if is_on else None, last
    )


def planned(session: Session) -> list[datetime]:
    """When its lots would close."""
    count = max(session.lots.count(), 1)
    return [session.closes_at + nth * timedelta(seconds=session.stagger) for nth in range(count)]


class _Scale:
    def __init__(self, first: datetime, last: datetime) -> None:
        self.first, self.whole = first, max(last - first, timedelta(seconds=1))

    def at(self, moment: datetime) -> int:
        share = (moment - self.first) / self.whole
        return round(WHOLE * min(max(share, 0.0), 1.0))


def _thinned(marks: list[int]) -> list[int]:
    return marks[:: len(marks) // MOST_MARKS + 1]
