"""What a payment was for, asked upward: each purpose (order, top-up, deposit) answers here.

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
from shigu.ledger.models import Book, Event, account
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
    from_balance: bool = True
    """May a balance pay it?"""


@dataclass(frozen=True, slots=True)
class Home:
    """Where applied money goes in the ledger, and what that is called."""

    event: Event
    account: int


SOLD = Home(Event.PAYMENT, account(Book.SALES))
"""Money for something that the house sells."""


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

    def lock_all(self, subject_ids: Sequence[int]) -> None:
        """Several locked subjects are settled together: lock all that settling any of them may touch."""

    def payable(self, subject_id: int, *, now: datetime) -> Payable:
        """What is to be paid; raises the purpose's own refusal (a `kit.errors.Refusal`)."""

    def opened(self, subject_id: int, *, now: datetime) -> None:
        """An attempt was opened: the subject now waits for the provider's word until its backstop."""

    def home(self, attempt: Attempt) -> Home:
        """Where this attempt's money goes once it is applied: the same at every moment, so it can be locked."""

    def settle(self, attempts: Sequence[Attempt], *, now: datetime) -> Mapping[int, Verdict]:
        """Apply paid attempts to their subjects, or refuse the money; verdict by attempt id."""

    def ended(self, subject_ids: Sequence[int], *, now: datetime) -> None:
        """These subjects have no open attempt any more: what waited for the provider waits no longer."""

    def refunded(self, refunds: Sequence[Refund], *, now: datetime) -> None:
        """These refunds were sent (all of one attempt's purpose)."""


KINDS = ("order", "top-up", "deposit")
"""In the order in which they are locked: a lot's order brings its lot and session, before any deposit."""

purposes: Registry[Purpose] = Registry("payment purposes", kinds=KINDS)
