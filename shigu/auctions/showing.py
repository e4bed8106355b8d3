"""How a lot stands for one reader: `log` of its bids by paddle, `mine` what is the reader's own of it.

What everybody sees alike is in `snapshots`; nothing here tells one bidder anything of another but a paddle.
A fixed number of queries each, however many have bid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from shigu.auctions.deposits import barred_until
from shigu.auctions.models import (
    LIVE_DEPOSITS,
    Award,
    Bid,
    Bidding,
    Deposit,
    DepositState,
    Extension,
    Lot,
    Paddle,
    Verdict,
)
from shigu.auctions.rules import Rules
from shigu.kit.money import Fen

MOST = 30
"""So many bids are shown; the whole log is the session's record."""


class Entry(NamedTuple):
    """One bid that counted: its place among them, whose, and the price that it left behind."""

    place: int
    paddle: int
    price: Fen
    at: datetime
    leads: bool
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Mine:
    """What is the reader's own of a lot; for a visitor nothing.

    `held` is the deposit that admits, `pending` those that wait to be paid; `maximum` is theirs, while
    they lead.
    """

    user_id: int | None = None
    paddle: int | None = None
    held: Deposit | None = None
    pending: Sequence[Deposit] = ()
    has_bid: bool = False
    leads: bool = False
    maximum: Fen | None = None
    barred: datetime | None = None
    award: Award | None = None


def rules_of(lot: Lot) -> Rules:
    """The rules that say what the next bid must be."""
    return Rules(lot.start_price, lot.steps, lot.reserve, wild_steps=lot.session.wild_steps)


def due(lot: Lot) -> Fen:
    """The least that admits to it; 0: nothing is asked for."""
    return lot.deposit or lot.session.deposit


def log(lot: Bidding, user_id: int | None, most: int = MOST) -> list[Entry]:
    """The latest bids that counted, newest first; two queries."""
    rows = list(Bid.objects.filter(lot_id=lot.pk, verdict=Verdict.ACCEPTED).order_by("-n")[:most])
    numbers = paddles(lot.session_id, {row.bidder_id for row in rows})
    return [
        Entry(
            place=lot.bids - gone,
            paddle=numbers.get(row.bidder_id, 0),
            price=row.price or 0,
            at=row.at,
            leads=row.leader_id == row.bidder_id,
            is_mine=row.bidder_id == user_id,
        )
        for gone, row in enumerate(rows)
    ]


def paddles(session_id: int, user_ids: set[int]) -> dict[int, int]:
    """What others see of these bidders."""
    rows = Paddle.objects.filter(session_id=session_id, user_id__in=user_ids)
    return dict(rows.values_list("user_id", "number"))


def extended(lot_id: int) -> Extension | None:
    """The latest move of its end that no bid made."""
    return Extension.objects.filter(lot_id=lot_id).order_by("-pk").first()


def admitting(user_id: int | None, lot: Lot, now: datetime) -> list[Deposit]:
    """Deposits of the reader that are held or wait to be paid, for this lot or its session; one query."""
    if user_id is None:
        return []
    rows = Deposit.objects.filter(
        Q(lot_id=lot.pk) | Q(lot_id=None),
        user_id=user_id,
        session_id=lot.session_id,
        state__in=LIVE_DEPOSITS,
    )
    return [
        row
        for row in rows.order_by("lot_id", "pk")
        if row.state == DepositState.HELD or now < row.pay_by
    ]


def mine(lot: Lot, user_id: int | None, now: datetime) -> Mine:
    """What of it is the reader's own; a fixed number of queries."""
    if user_id is None:
        return Mine()
    bidding, deposits = lot.bidding, admitting(user_id, lot, now)
    held = [row for row in deposits if row.state == DepositState.HELD]
    leads = bidding.leader_id == user_id
    bids = Bid.objects.filter(lot_id=lot.pk, bidder_id=user_id, verdict=Verdict.ACCEPTED)
    awards = Award.objects.filter(lot_id=lot.pk, user_id=user_id).select_related("order")
    return Mine(
        user_id=user_id,
        paddle=paddles(lot.session_id, {user_id}).get(user_id),
        held=held[0] if held else None,
        pending=[row for row in deposits if row.state == DepositState.PENDING],
        has_bid=bids.exists(),
        leads=leads,
        maximum=bidding.maximum if leads else None,
        barred=barred_until(user_id, now),
        award=awards.order_by("-pk").first(),
    )


def amount_under(key: str, lot_id: int, user_id: int) -> Fen | None:
    """What was bid under this key before: who sends it again means the same."""
    rows = Bid.objects.filter(lot_id=lot_id, bidder_id=user_id, key=key)
    return rows.values_list("amount", flat=True).first()
