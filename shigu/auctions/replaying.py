"""Replaying a lot's log with a model of its own: what was bid, in order, and what must have come of it.

It shares nothing with `rules.py`, and thinks the other way round: it keeps how far everybody has gone and
derives the price from the two who went furthest. What only the moment knew (a deposit, a bar, the house)
is taken from the log; verdict, least amount, price, leader, end and number are worked out and compared.
`differences(lot, bids, moves)` yields the first thing that is not so, and how the lot stands at last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from shigu.kit.auditing import Row

TAKEN_AS_TOLD = {"own", "banned", "no-deposit"}
SOLD, PASSED_IN, WITHDRAWN = (3, 4, 6), 5, 7


class Entry(NamedTuple):
    """One row of the log."""

    lot: int
    n: int
    at: datetime
    bidder: int
    amount: int
    maximum: int | None
    confirmed: bool
    verdict: str
    least: int
    price: int | None
    leader: int | None
    met_end: datetime
    closes_at: datetime
    has_paddle: bool


class Move(NamedTuple):
    """An end moved by an operator or an outage, after decision `after`."""

    lot: int
    after: int
    met_end: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Stands:
    """A lot's rules, and how it says that it stands."""

    lot: int
    state: int
    opens_at: datetime
    closes_at: datetime
    price: int | None
    leader: int | None
    maximum: int | None
    bids: int
    decisions: int
    extensions: int
    decided_at: datetime | None
    ended_at: datetime | None
    hammer: int | None
    start_price: int
    steps: Sequence[Sequence[int]]
    reserve: int | None
    window: int
    extension: int
    most_extensions: int
    wild_steps: int


@dataclass
class Room:
    """The model: how far everybody went, in the order in which they first went that far."""

    lot: Stands
    went: dict[int, int] = field(default_factory=dict)
    price: int | None = None
    leader: int | None = None
    end: datetime | None = None
    last: datetime | None = None
    bids: int = 0
    decided: int = 0
    extended: int = 0

    def step(self, price: int) -> int:
        """The step of the last band that begins at or below this price."""
        starts = [band[0] for band in self.lot.steps]
        return self.lot.steps[bisect_right(starts, price) - 1][1]

    def least(self) -> int:
        """One step above the price; for the first bid the start price, or one step from nothing."""
        if self.price is not None:
            return self.price + self.step(self.price)
        return self.lot.start_price if self.lot.start_price > 0 else self.step(0)

    def verdict(self, entry: Entry) -> str:
        """What should have been said."""
        if entry.verdict == "own":
            return "own"
        if entry.at >= entry.met_end:
            return "ended"
        if entry.at < self.lot.opens_at:
            return "not-open"
        if entry.verdict in TAKEN_AS_TOLD:
            return entry.verdict
        return self._of_amount(entry)

    def _of_amount(self, entry: Entry) -> str:
        if entry.bidder == self.leader:
            goes_on = entry.maximum is not None and _top(entry) > self.went[entry.bidder]
            return "raised" if goes_on else "leading"
        least = self.least()
        if entry.amount < least:
            return "too-low"
        jump = entry.amount - least
        is_wild = jump > self.lot.wild_steps * self.step(least)
        return "wild" if is_wild and not entry.confirmed else "accepted"

    def take(self, entry: Entry, verdict: str) -> None:
        """Let the decision have its effect."""
        self.decided, self.last, self.end = entry.n, entry.at, entry.met_end
        if verdict not in ("accepted", "raised"):
            return
        self.went.pop(entry.bidder, None)  # whoever goes further goes to the end of the line
        self.went[entry.bidder] = _top(entry)
        if verdict == "accepted":
            self.bids += 1
            self.leader = max(self.went, key=lambda bidder: self.went[bidder])
            self.price = max(self._called(entry), self.price or 0)
            self._extend(entry)
        self._reach_the_reserve()

    def _called(self, entry: Entry) -> int:
        assert self.leader is not None
        first = self.went[self.leader]
        offered = entry.amount if entry.bidder == self.leader else 0
        others = [top for bidder, top in self.went.items() if bidder != self.leader]
        if not others:
            return offered
        return max(offered, min(first, max(others) + self.step(max(others))))

    def _reach_the_reserve(self) -> None:
        reserve = self.lot.reserve
        if reserve is not None and self.leader is not None and self.went[self.leader] >= reserve:
            self.price = max(reserve, self.price or 0)

    def _extend(self, entry: Entry) -> None:
        left = (entry.met_end - entry.at).total_seconds()
        later = entry.at + timedelta(seconds=self.lot.extension)
        if (
            left <= self.lot.window
            and self.extended < self.lot.most_extensions
            and later > entry.met_end
        ):
            self.extended, self.end = self.extended + 1, later


def differences(lot: Stands, bids: Iterable[Entry], moves: Sequence[Move]) -> Iterator[Row]:
    """The first decision that is not as it must be, or else what the lot says wrongly of itself."""
    room = Room(lot)
    waiting = list(moves)
    for entry in bids:
        found = _moved(room, waiting, before=entry.n) or _decided(room, entry)
        if found:
            yield found
            return
    if found := _moved(room, waiting, before=None) or _stands(room, lot):
        yield found


def _moved(room: Room, moves: list[Move], before: int | None) -> Row | None:
    """Let the end be moved by what came between two decisions."""
    while moves and (before is None or moves[0].after < before):
        move = moves.pop(0)
        if _is_known(room) and move.met_end != room.end:
            return _difference(room, move.after, "end before an extension", move.met_end, room.end)
        room.end = move.closes_at
    return None


def _decided(room: Room, entry: Entry) -> Row | None:
    # Until the preview an operator may change the steps, so who came before the opening met others.
    known, least, verdict = room.end if _is_known(room) else None, room.least(), room.verdict(entry)
    before = [
        ("number", entry.n, room.decided + 1),
        ("time", entry.at, max(entry.at, room.last or entry.at)),
        ("end that it met", entry.met_end, known or entry.met_end),
        ("least amount", entry.least, entry.least if entry.at < room.lot.opens_at else least),
        ("verdict", entry.verdict, verdict),
        ("paddle of its bidder", entry.has_paddle, True),
    ]
    if found := _first(room, entry.n, before):
        return found
    room.take(entry, verdict)
    after = [
        ("price", entry.price, room.price),
        ("leader", entry.leader, room.leader),
        ("end", entry.closes_at, room.end),
    ]
    return _first(room, entry.n, after)


def _stands(room: Room, lot: Stands) -> Row | None:
    """The lot's own row says what its log says; its hammer fell at the price, where that sells."""
    top = room.went[room.leader] if room.leader is not None else None
    claims: list[tuple[str, object, object]] = [
        ("decisions", lot.decisions, room.decided),
        ("bids", lot.bids, room.bids),
        ("price at last", lot.price, room.price),
        ("winner", lot.leader, room.leader),
        ("maximum", lot.maximum, top),
        ("extensions by bids", lot.extensions, room.extended),
        ("end at last", lot.closes_at, room.end if _is_known(room) else lot.closes_at),
        ("time of the last decision", lot.decided_at, room.last),
    ]
    sells = room.price is not None and room.price >= (lot.reserve or 0)
    if lot.state in SOLD or lot.state == PASSED_IN:
        claims += [("sold", lot.state in SOLD, sells)]
        claims += [("hammer", lot.hammer, room.price if sells else None)]
        closed = lot.ended_at is not None and lot.ended_at >= max(
            lot.closes_at, lot.decided_at or lot.closes_at
        )
        claims += [("closed at its end or after", closed, True)]
    return _first(room, None, claims)


def _is_known(room: Room) -> bool:
    """Until a lot opens its times may be saved anew; from then on every move of its end is told."""
    return room.end is not None and room.last is not None and room.last >= room.lot.opens_at


def _top(entry: Entry) -> int:
    return entry.amount if entry.maximum is None else max(entry.amount, entry.maximum)


def _first(room: Room, n: int | None, claims: Iterable[tuple[str, object, object]]) -> Row | None:
    wrong = (claim for claim in claims if claim[1] != claim[2])
    return next((_difference(room, n, *claim) for claim in wrong), None)


def _difference(room: Room, n: int | None, what: str, found: object, expected: object) -> Row:
    return {"lot": room.lot.lot, "n": n, "what": what, "found": found, "expected": expected}
