"""What a payment was for, asked upward: each purpose (order; later deposit, top-up) answers here.

Every verb takes lists and runs inside the caller's transaction. `lock` comes first, before any
attempt is locked; the other verbs may rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shigu.kit.money import Fen
from shigu.kit.registry import Registry
from shigu.payments.models import Attempt, Refund, Why


@dataclass(frozen=True, slots=True)
class Payable:
    """What may be paid now: amount in fen, until when, and what the provider's page says."""

    user_id: int
    amount: Fen
    pay_by: datetime
    title: str
    number: str
    """Digits only; the stem of each attempt's own number."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The money did what it came for."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The money cannot be used and goes back by itself."""

    why: Why


Verdict = Applied | Returned


class Purpose(Protocol):
    """The doors that a floor above opens for its kind of payment."""

    def lock(self, subject_ids: Sequence[int]) -> None:
        """Lock the subjects in pk order."""

    def payable(self, subject_id: int, *, now: datetime) -> Payable:
        """What is to be paid; raises the purpose's own refusal (a `kit.errors.Refusal`)."""

    def opened(self, subject_id: int, *, now: datetime) -> None:
        """An attempt was opened: the subject now waits for the provider's word until its backstop."""

    def settle(self, attempts: Sequence[Attempt], *, now: datetime) -> Mapping[int, Verdict]:
        """Apply paid attempts to their subjects, or refuse the money; verdict by attempt id."""

    def ended(self, subject_ids: Sequence[int], *, now: datetime) -> None:
        """These subjects have no open attempt any more: what waited for the provider waits no longer."""

    def refunded(self, refunds: Sequence[Refund], *, now: datetime) -> None:
        """These refunds were sent (all of one attempt's purpose)."""


purposes: Registry[Purpose] = Registry("payment purposes", kinds=["order"])
