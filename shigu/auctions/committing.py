"""One committer per process and lot: those who bid on the same lot at once are decided together.

`bid` is the one door for bidding; the lanes in which offers gather are `kit.lanes`. A lane is bounded:
who finds it full, or does not get the lot's lock in time, is told when to come back, and nothing is
ever dropped in silence. An offer that got no answer at all is sent again under its key.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError

from shigu.auctions import limits, paddles
from shigu.auctions.bidding import decide_many
from shigu.auctions.deciding import Answer, Decision, Offer, Unnumbered
from shigu.auctions.errors import BadAmount, BadKey, BadMaximum, KeyReused, LotBusy
from shigu.auctions.sentences import refusal
from shigu.kit.lanes import LaneFull, Lanes
from shigu.kit.money import Fen, grouped

MOST_WAITING = 2000
"""In one lane: what a process decides in well under a second."""

MOST_BID: Fen = 10**13
LOCK_NOT_AVAILABLE = "55P03"


def _answer(offers: Sequence[Offer]) -> list[Answer]:
    return decide_many(offers)


lanes: Lanes[Offer, Answer] = Lanes(_answer, most_waiting=MOST_WAITING)


def bid(offer: Offer) -> Decision:
    """Bid; raises the Refusal that says why it does not count. Call it outside any transaction."""
    decision = decided(offer)
    if refused := refusal(decision):
        raise refused
    return decision


def decided(offer: Offer) -> Decision:
    """The decision about an offer, whatever it is; raises only where nothing could be decided."""
    _refuse_nonsense(offer)
    limits.count(offer.bidder, offer.lot_id)
    answer = _submit(offer)
    if isinstance(answer, Unnumbered):
        paddles.draw(answer.session_id, offer.bidder)
        answer = _submit(offer)
    if isinstance(answer, KeyReused):
        raise answer
    assert isinstance(answer, Decision)
    return answer


def _submit(offer: Offer) -> Answer:
    try:
        return lanes.submit(offer.lot_id, offer)
    except LaneFull:
        raise LotBusy(seconds=1) from None
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == LOCK_NOT_AVAILABLE:
            raise LotBusy(seconds=2) from error
        raise


def _refuse_nonsense(offer: Offer) -> None:
    if not 0 < offer.amount <= MOST_BID:
        raise BadAmount
    if offer.maximum is not None and offer.maximum < offer.amount:
        raise BadMaximum(amount=grouped(offer.amount))
    if offer.maximum is not None and offer.maximum > MOST_BID:
        raise BadAmount
    if not 0 < len(offer.key) <= 64:
        raise BadKey
