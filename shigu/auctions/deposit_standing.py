"""Deposits as their owners see them: `of` finds one's own, `mine` all of them, `standings` says how they stand.

What is on its way back is asked of the refunds: decided is not arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from shigu.auctions.models import Deposit, DepositState
from shigu.kit.money import Fen
from shigu.payments.models import Attempt, Refund, RefundState, State


@dataclass(frozen=True, slots=True)
class DepositStanding:
    """How a deposit stands, amounts in fen.

    `word`: unpaid · asking (its time is over, the provider has the last word) · lapsed · held · returning
    (decided, money is under way) · returned · forfeited · counted (all of it went into a price).
    """

    deposit: Deposit
    word: str
    in_transit: Fen
    is_asking: bool
    """May a provider still tell of a payment?"""

    @property
    def arrived(self) -> Fen:
        """What is back where it came from."""
        return self.deposit.returned - self.in_transit

    @property
    def is_moving(self) -> bool:
        """Will it change by itself, soon?"""
        return self.word in ("asking", "returning") or (self.word == "unpaid" and self.is_asking)


def of(user_id: int, number: str) -> Deposit:
    """The person's own deposit by its number; Deposit.DoesNotExist for anyone else's."""
    return mine(user_id).get(number=number)


def mine(user_id: int) -> QuerySet[Deposit]:
    """All deposits of somebody, newest first, with what they are for."""
    return Deposit.objects.filter(user_id=user_id).select_related(
        "session", "lot__sku__product__category"
    )


def standings(deposits: Sequence[Deposit], now: datetime) -> list[DepositStanding]:
    """How these stand at `now`, in two queries however many they are."""
    ids = [deposit.pk for deposit in deposits]
    attempts = Attempt.objects.filter(purpose="deposit", subject_id__in=ids, state=State.OPEN)
    asking = set(attempts.values_list("subject_id", flat=True))
    transit: dict[int, Fen] = defaultdict(int)
    paid_by = [one.attempt_id for one in deposits if one.attempt_id]
    refunds = Refund.objects.filter(attempt_id__in=paid_by).exclude(state=RefundState.SENT)
    for attempt_id, amount in refunds.values_list("attempt_id", "amount"):
        transit[attempt_id] += amount
    return [_standing(one, one.pk in asking, transit[one.attempt_id or 0], now) for one in deposits]


def standing(deposit: Deposit, now: datetime) -> DepositStanding:
    """How one stands."""
    [found] = standings([deposit], now)
    return found


def _standing(deposit: Deposit, asking: bool, transit: Fen, now: datetime) -> DepositStanding:
    return DepositStanding(deposit, _word(deposit, transit, now), transit, asking)


def _word(deposit: Deposit, transit: Fen, now: datetime) -> str:
    if deposit.state == DepositState.PENDING:
        return "unpaid" if now < deposit.pay_by else "asking"
    if deposit.state == DepositState.LAPSED:
        return "lapsed"
    if deposit.state == DepositState.HELD:
        return "held"
    if deposit.returned:
        return "returning" if transit else "returned"
    return "forfeited" if deposit.forfeited else "counted"
