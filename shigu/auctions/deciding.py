"""Deciding: how a lot stands and the offers that wait, in the order of their coming, become decisions.

Pure: `decide_all(lot, offers)` looks at nothing but what was read under the locks. Each decision changes
what the next one meets; all of a group share the moment at which they are looked at. An offer that was
decided before, by its bidder's key, gets the same answer again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shigu.auctions import rules
from shigu.auctions.errors import KeyReused
from shigu.auctions.models import LotState, Verdict
from shigu.auctions.rules import Rules, Standing, Wish
from shigu.kit.money import Fen

Key = tuple[int, str]
"""Bidder and idempotency key."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One bid as it arrives: `key` makes it idempotent per bidder and lot."""

    lot_id: int
    bidder: int
    key: str
    amount: Fen
    maximum: Fen | None = None
    confirmed: bool = False

    @property
    def body(self) -> tuple[Fen, Fen | None, bool]:
        """What must be the same where the key is the same."""
        return self.amount, self.maximum, self.confirmed


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the log: `n` is its number, 0 where the log had ended before the offer came.

    `least` was the least valid amount, `price`, `leader` and `closes_at` are what it left behind, and
    `due` is the deposit that would admit, in fen.
    """

    offer: Offer
    n: int
    at: datetime
    verdict: Verdict
    least: Fen
    next_least: Fen
    price: Fen | None
    leader: int | None
    met_end: datetime
    closes_at: datetime
    due: Fen = 0
    repeated: bool = False

    @property
    def leads(self) -> bool:
        """Did this bidder lead after it?"""
        return self.leader == self.offer.bidder


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """This bidder has no number in the session yet; without one nobody can be shown as bidding."""

    session_id: int


Answer = Decision | KeyReused | Unnumbered


@dataclass(slots=True)
class Locked:
    """A lot under its lock at `at`, with what was read of its bidders; it moves on with each decision."""

    lot_id: int
    session_id: int
    at: datetime
    state: LotState
    rules: Rules
    standing: Standing
    due: Fen
    decisions: int
    admitted: Collection[int]
    banned: Collection[int]
    own: Collection[int]
    numbered: Collection[int]
    decided: dict[Key, Decision]
    fresh: list[Decision] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Its log has ended: nothing is decided or written any more."""
        return self.state > LotState.LIVE


def decide_all(lot: Locked, offers: Sequence[Offer]) -> list[Answer]:
    """One answer each, in order; `lot.fresh` are the decisions to be written."""
    return [_answer(lot, offer) for offer in offers]


def _answer(lot: Locked, offer: Offer) -> Answer:
    if before := lot.decided.get((offer.bidder, offer.key)):
        return _again(before, offer)
    if lot.is_closed:
        return _after_the_end(lot, offer)
    if offer.bidder not in lot.numbered:
        return Unnumbered(lot.session_id)
    decision = _decided(lot, offer)
    lot.fresh.append(decision)
    lot.decided[offer.bidder, offer.key] = decision
    return decision


def _again(before: Decision, offer: Offer) -> Answer:
    return replace(before, repeated=True) if before.offer.body == offer.body else KeyReused()


def _decided(lot: Locked, offer: Offer) -> Decision:
    wish = Wish(
        bidder=offer.bidder,
        amount=offer.amount,
        maximum=offer.maximum,
        confirmed=offer.confirmed,
        has_deposit=not lot.due or offer.bidder in lot.admitted,
        is_banned=offer.bidder in lot.banned,
        is_own=offer.bidder in lot.own,
    )
    outcome = rules.decide(lot.rules, lot.standing, wish, lot.at)
    before, lot.standing = lot.standing, outcome.after
    lot.decisions += 1
    return _decision(lot, offer, outcome.verdict, outcome.least, before.closes_at, lot.decisions)


def _after_the_end(lot: Locked, offer: Offer) -> Decision:
    least = lot.rules.least(lot.standing.price)
    return _decision(lot, offer, Verdict.ENDED, least, lot.standing.closes_at, 0)


def _decision(
    lot: Locked, offer: Offer, verdict: Verdict, least: Fen, met_end: datetime, n: int
) -> Decision:
    after = lot.standing
    return Decision(
        offer=offer,
        n=n,
        at=lot.at,
        verdict=verdict,
        least=least,
        next_least=lot.rules.least(after.price),
        price=after.price,
        leader=after.leader,
        met_end=met_end,
        closes_at=after.closes_at,
        due=lot.due,
    )
