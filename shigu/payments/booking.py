"""Fen in the ledger: whatever becomes of an attempt's money is a transfer, in the same transaction.

    PAYMENT    source → the house's sales       applied          once per attempt
    TOP_UP     source → the buyer's balance     applied          once per attempt
    DEPOSIT    source → the deposit's own       applied          once per attempt
    RETURNING  source → in transit              cannot be used   once per attempt
    REFUND     where it was applied → in transit   decided       once per refund
    REFUNDED   in transit → source              sent             once per refund

`source` is the provider's word (`Provider.source`), where applied money goes the purpose's (`Purpose.home`).
Only people's accounts are locked: by `lock`, after the attempts and before anything that a purpose locks. The
rest only posts; whoever gives back a whole order's money touches nobody's account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from shigu.ledger import posting
from shigu.ledger.models import HOUSE, Book, Event, account
from shigu.ledger.posting import Move
from shigu.payments.models import Attempt, Money, Refund
from shigu.payments.provider import providers
from shigu.payments.purposes import purposes

TRANSIT = account(Book.TRANSIT)


def lock(attempts: Iterable[Attempt]) -> dict[int, int]:
    """Balances of people's accounts that the money of these may come from or go to, locked.

    Alipay's money for an order moves between accounts of the house: then there is nothing to lock.
    """
    ends = {end for attempt in attempts for end in (source(attempt), _home(attempt))}
    return posting.lock(_people(ends))


def source(attempt: Attempt) -> int:
    """The account that its money comes from, and goes back to."""
    return providers[attempt.provider].source(attempt)


def decided(attempt: Attempt, *, now: datetime) -> None:
    """This attempt's money was decided just now: applied or returning."""
    kind, end = Event.RETURNING, TRANSIT
    if attempt.money == Money.APPLIED:
        home = purposes[attempt.purpose].home(attempt)
        kind, end = home.event, home.account
    posting.post([Move(kind, attempt.pk, source(attempt), end, attempt.amount)], at=now)


def refunds_decided(refunds: Sequence[Refund], *, now: datetime) -> None:
    """Applied money leaves again; what could not be used is in transit already."""
    applied = [refund for refund in refunds if refund.attempt.money == Money.APPLIED]
    moves = [
        Move(Event.REFUND, refund.pk, _home(refund.attempt), TRANSIT, refund.amount)
        for refund in applied
    ]
    posting.post(moves, at=now)


def refund_sent(refund: Refund, attempt: Attempt, *, now: datetime) -> None:
    """The money is back where it came from."""
    move = Move(Event.REFUNDED, refund.pk, TRANSIT, source(attempt), refund.amount)
    posting.post([move], at=now)


def _home(attempt: Attempt) -> int:
    return purposes[attempt.purpose].home(attempt).account


def _people(accounts: Iterable[int]) -> list[int]:
    return sorted(pk for pk in set(accounts) if not pk & HOUSE)
