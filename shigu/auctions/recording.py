"""The record of a session that is over: every decision, every end, in lines that are chained by SHA-256.

`lines(session_id)` writes them as JSON, one object a line: the session, then each lot with its decisions and
extensions in their order and what became of it, at last how many lines there were. Bidders are their
paddles, never their names; neither a maximum nor a reserve is told. `previous` is the hash of the line
before, so whoever has the last hash (`seal`) has all of it. `verify(lines)` checks a file, without a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shigu.auctions.errors_record import BrokenRecord, NotOverYet
from shigu.auctions.models import (
    Bid,
    Extension,
    Lot,
    LotState,
    Outage,
    Paddle,
    Session,
    SessionState,
    Verdict,
)

EDITION = 1
NOTHING = "0" * 64
"""What the first line names as the one before."""

OVER = (SessionState.ENDED, SessionState.WITHDRAWN)
BECAME = {LotState.PASSED_IN: "passed in", LotState.WITHDRAWN: "withdrawn"}

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that is whole: its session, its lines, and the hash of the last."""

    session: str
    lines: int
    decisions: int
    seal: str


def lines(session_id: int) -> Iterator[str]:
    """The record, line by line; NotOverYet while something may still change."""
    session = Session.objects.get(pk=session_id)
    if session.state not in OVER:
        raise NotOverYet
    return _chained(_told(session))


def seal(session_id: int) -> str:
    """The hash of its last line."""
    last = ""
    for line in lines(session_id):
        last = line
    return digest(last)


def digest(line: str) -> str:
    """SHA-256 of a line without its end, in hexadecimal."""
    return hashlib.sha256(line.encode()).hexdigest()


def verify(record: Iterable[str]) -> Checked:
    """BrokenRecord names the first line that does not fit the one before, or a decision that is missing."""
    reading = _Reading()
    for number, line in enumerate(record, start=1):
        reading.take(number, line.rstrip("\r\n"))
    return reading.closed()


class _Reading:
    """A record while it is read: what the next line must say."""

    def __init__(self) -> None:
        self.previous, self.lines, self.decisions, self.n = NOTHING, 0, 0, 0
        self.session, self.what = "", ""

    def take(self, number: int, line: str) -> None:
        row = _parsed(number, line)
        if row.get("previous") != self.previous or row.get("line") != number:
            raise BrokenRecord(line=number)
        if number == 1:
            if row.get("what") != "session" or row.get("edition") != EDITION:
                raise BrokenRecord(line=number)
            self.session = str(row.get("slug"))
        self._count(number, row)
        self.previous, self.lines, self.what = digest(line), number, str(row.get("what"))

    def _count(self, number: int, row: Line) -> None:
        """Decisions are numbered from 1 in each lot, without a gap."""
        if row.get("what") == "lot":
            self.n = 0
        if row.get("what") == "decision":
            self.n, self.decisions = self.n + 1, self.decisions + 1
            if row.get("n") != self.n:
                raise BrokenRecord(line=number)
        if row.get("what") == "end" and row.get("decisions") != self.decisions:
            raise BrokenRecord(line=number)

    def closed(self) -> Checked:
        """It must have an end: a record that was cut off is none."""
        if self.what != "end":
            raise BrokenRecord(line=self.lines + 1)
        return Checked(self.session, self.lines, self.decisions, self.previous)


def _parsed(number: int, line: str) -> Line:
    try:
        row = json.loads(line)
    except ValueError:
        raise BrokenRecord(line=number) from None
    if not isinstance(row, dict):
        raise BrokenRecord(line=number)
    return row


def _chained(rows: Iterable[Line]) -> Iterator[str]:
    previous = NOTHING
    for number, row in enumerate(rows, start=1):
        line = json.dumps(
            {"line": number, **row, "previous": previous}, ensure_ascii=False, default=_moment
        )
        previous = digest(line)
        yield line


def _moment(value: object) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _told(session: Session) -> Iterator[Line]:
    paddles = dict(Paddle.objects.filter(session=session).values_list("user_id", "number"))
    decisions = 0
    yield _session(session)
    lots = session.lots.select_related("bidding").exclude(bidding=None).order_by("number")
    for lot in lots.iterator(chunk_size=200):
        yield _lot(lot)
        for row in _events(lot, paddles):
            decisions += row["what"] == "decision"
            yield row
        yield _result(lot, paddles)
    # One that went on after the end is written some time later, and must not join what is sealed.
    outages = Outage.objects.filter(until__gte=session.opens_at, until__lte=session.ended_at)
    for outage in outages.order_by("since", "pk"):
        yield {"what": "outage", "since": outage.since, "until": outage.until}
    yield {"what": "end", "decisions": decisions}


def _session(session: Session) -> Line:
    names = ("preview_from", "preview_until", "opens_at", "closes_at", "stagger", "soft_window")
    more = ("soft_extension", "most_extensions", "deposit", "pay_seconds", "wild_steps", "ended_at")
    return {
        "what": "session",
        "edition": EDITION,
        "slug": session.slug,
        "name": [session.name_zh, session.name_en],
        **{name: getattr(session, name) for name in (*names, *more)},
        "withdrawn_why": session.withdrawn_why,
    }


def _lot(lot: Lot) -> Line:
    return {
        "what": "lot",
        "lot": lot.number,
        "name": [lot.name_zh, lot.name_en],
        "start_price": lot.start_price,
        "steps": lot.steps,
        "deposit": lot.deposit,
        "opens_at": lot.bidding.opens_at,
    }


def _events(lot: Lot, paddles: dict[int, int]) -> Iterator[Line]:
    """Decisions, and between them what moved the end besides bids."""
    moves = list(Extension.objects.filter(lot=lot).order_by("pk"))
    for bid in Bid.objects.filter(lot=lot).order_by("n").iterator(chunk_size=5000):
        while moves and moves[0].after < bid.n:
            yield _extension(moves.pop(0))
        yield _decision(bid, paddles)
    yield from map(_extension, moves)


def _decision(bid: Bid, paddles: dict[int, int]) -> Line:
    return {
        "what": "decision",
        "n": bid.n,
        "at": bid.at,
        "paddle": paddles.get(bid.bidder_id),
        "amount": bid.amount,
        "with_maximum": bid.maximum is not None,
        "verdict": Verdict(bid.verdict).value,
        "least": bid.least,
        "price": bid.price,
        "leader": paddles.get(bid.leader_id) if bid.leader_id else None,
        "met_end": bid.met_end,
        "closes_at": bid.closes_at,
    }


def _extension(move: Extension) -> Line:
    return {
        "what": "extension",
        "after": move.after,
        "at": move.at,
        "why": move.why,
        "met_end": move.met_end,
        "closes_at": move.closes_at,
    }


def _result(lot: Lot, paddles: dict[int, int]) -> Line:
    """What the hammer did; whether it was paid later is no part of the record, which never changes."""
    row = lot.bidding
    sold = row.hammer is not None
    return {
        "what": "result",
        "result": "sold" if sold else BECAME.get(LotState(row.state), "passed in"),
        "hammer": row.hammer,
        "paddle": paddles.get(row.leader_id) if sold and row.leader_id else None,
        "closes_at": row.closes_at,
        "ended_at": row.ended_at,
        "bids": row.bids,
        "withdrawn_why": lot.withdrawn_why,
    }
