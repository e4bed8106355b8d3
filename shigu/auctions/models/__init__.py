"""Rows of auctions: a `Session` 专场 of `Lot`s 拍品, `Bid`s as a numbered log, `Deposit`s, `Award`s.

What a bid changes is a narrow row of its own, `Bidding`, one per lot: price, leader, end. Whoever bids,
closes, extends or withdraws locks that row, reads the clock after it, and decides from its columns alone,
so it never matters who opened or closed late. What is sold is an ordinary SKU of a product of kind `lot`;
what comes of a sale is an ordinary order. Money in fen, durations in seconds, times in UTC.
"""

from __future__ import annotations

from shigu.auctions.models.announcements import Announcement
from shigu.auctions.models.awards import Award, AwardState, Ban
from shigu.auctions.models.bidding import Bid, Bidding, Extension, Moved, Paddle, Verdict
from shigu.auctions.models.deposits import LIVE_DEPOSITS, Deposit, DepositState
from shigu.auctions.models.health import Heartbeat, Outage
from shigu.auctions.models.sales import (
    OPEN_STATES,
    Lot,
    LotPicture,
    LotState,
    Session,
    SessionState,
)

__all__ = [
    "LIVE_DEPOSITS",
    "OPEN_STATES",
    "Announcement",
    "Award",
    "AwardState",
    "Ban",
    "Bid",
    "Bidding",
    "Deposit",
    "DepositState",
    "Extension",
    "Heartbeat",
    "Lot",
    "LotPicture",
    "LotState",
    "Moved",
    "Outage",
    "Paddle",
    "Session",
    "SessionState",
    "Verdict",
]
