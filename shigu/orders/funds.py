"""The money of orders as their buyer sees it: what is still asked for, what paid it, what goes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shigu.payments.models import Attempt, Money, Refund, State


@dataclass(frozen=True, slots=True)
class Funds:
    """All attempts and refunds of one order, oldest first."""

    attempts: Sequence[Attempt] = ()
    refunds: Sequence[Refund] = ()

    @property
    def is_asking(self) -> bool:
        """May a provider still tell of a payment?"""
        return any(attempt.state == State.OPEN for attempt in self.attempts)

    @property
    def settled_by(self) -> Attempt | None:
        """The payment that settled it."""
        return next((one for one in self.attempts if one.money == Money.APPLIED), None)


def funds_of(order_ids: Collection[int]) -> Mapping[int, Funds]:
    """Each order's funds by its id, in two queries; empty ones where nothing happened."""
    attempts, refunds = defaultdict(list), defaultdict(list)
    for attempt in Attempt.objects.filter(purpose="order", subject_id__in=order_ids).order_by("pk"):
        attempts[attempt.subject_id].append(attempt)
    rows = Refund.objects.filter(attempt__purpose="order", attempt__subject_id__in=order_ids)
    for refund in rows.select_related("attempt").order_by("pk"):
        refunds[refund.attempt.subject_id].append(refund)
    return {pk: Funds(attempts[pk], refunds[pk]) for pk in order_ids}
