"""What an auction will not do, each with the sentence its reader gets.

Refusal
├── NoSuchLot, BadAmount, BadMaximum, BadKey, KeyReused     before anything is decided
├── ComeBack                                                not now: `seconds` says when
│   └── TooManyBids, LotBusy
├── FreeToBid, NoSessionDeposit, DepositClosed, DepositBarred, DepositOfTheHouse,
│   DefaultedHere, DepositPaid, DepositTimeIsUp             paying a deposit
├── NothingForfeited, ReversedAlready                       giving a forfeit back
└── BidRefused                                              decided and written into the log
    └── TooLow, AlreadyLeading, NotOpenYet, BiddingOver, DepositMissing, Barred, WildJump, OfTheHouse
"""

from __future__ import annotations

from typing import Any

from shigu.kit.errors import Refusal


class NoSuchLot(Refusal):
    """There is no such lot."""


class BadAmount(Refusal):
    """Write the amount of your bid in yuan."""


class BadMaximum(Refusal):
    """Your maximum is less than your bid of ¥%(amount)s."""


class BadKey(Refusal):
    """This page is out of date. Open the lot again; nothing was bid."""


class KeyReused(Refusal):
    """This was sent once before with another amount. Open the lot again; nothing was bid."""


class ComeBack(Refusal):
    """Not now. Try again in %(seconds)s seconds."""

    @property
    def seconds(self) -> int:
        """What a server puts into Retry-After."""
        return int(str(self.fill["seconds"]))


class TooManyBids(ComeBack):
    """So many bids of yours in so short a time. Nothing was bid; try again in %(seconds)s seconds."""


class LotBusy(ComeBack):
    """This lot is very busy. Nothing was bid; try again in %(seconds)s seconds."""


class BidRefused(Refusal):
    """This bid does not count. Bid at least ¥%(least)s."""

    decision: Any
    """The `deciding.Decision` that it tells; errors know no rows."""


class TooLow(BidRefused):
    """That was not enough: bid at least ¥%(least)s."""


class AlreadyLeading(BidRefused):
    """You lead already. To go further name a maximum above your own; others need ¥%(least)s."""


class NotOpenYet(BidRefused):
    """Bidding has not begun yet. The first bid will be at least ¥%(least)s."""


class BiddingOver(BidRefused):
    """Bidding on this lot is over; at its end the least bid was ¥%(least)s."""


class DepositMissing(BidRefused):
    """Pay the deposit of ¥%(due)s first; then bid at least ¥%(least)s."""


class Barred(BidRefused):
    """You did not pay for what you won, so you cannot bid for now (here: at least ¥%(least)s)."""


class WildJump(BidRefused):
    """¥%(amount)s is far above the least bid of ¥%(least)s. Confirm it if you mean it."""


class OfTheHouse(BidRefused):
    """Whoever runs the auction may not bid in it (the least bid is ¥%(least)s)."""


class FreeToBid(Refusal):
    """This lot needs no deposit: you can bid at once."""


class NoSessionDeposit(Refusal):
    """This session has no deposit for all of its lots; pay the one of the lot."""


class DepositClosed(Refusal):
    """There is nothing left to bid on here, so no deposit is taken."""


class DepositBarred(Refusal):
    """You did not pay for what you won, so no deposit is taken from you until %(until)s."""


class DepositOfTheHouse(Refusal):
    """Whoever runs the auction may not bid in it, so no deposit is taken."""


class DefaultedHere(Refusal):
    """You won this once and did not pay, so you cannot bid on it, and no deposit is taken."""


class DepositPaid(Refusal):
    """This deposit is paid: you can bid."""


class DepositTimeIsUp(Refusal):
    """The time to pay this deposit is over. Nothing was charged; ask for it again."""


class NothingForfeited(Refusal):
    """Nothing of a deposit was forfeited for this lot."""


class ReversedAlready(Refusal):
    """This forfeit was given back already."""
