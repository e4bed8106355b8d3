"""Doors that the wallet opens: for payments, what a top-up's money does; for the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from shigu.kit.auditing import audits
from shigu.ledger.models import Book, Event, account
from shigu.payments.models import Attempt, Refund, Why
from shigu.payments.purposes import Applied, Home, Payable, Returned, Verdict, purposes
from shigu.wallet.auditing import INVARIANTS
from shigu.wallet.errors import AlreadyPaid, TimeIsUp
from shigu.wallet.locks import locked_top_ups
from shigu.wallet.models import TopUp


class TopUpPurpose:
    """What payments ask of top-ups; see `payments.purposes.Purpose` for each verb's promise."""

    def lock(self, subject_ids: Sequence[int]) -> None:
        """Lock the top-ups in pk order."""
        locked_top_ups(subject_ids)

    def lock_all(self, subject_ids: Sequence[int]) -> None:
        """Their buyers' balances are locked with the attempts."""

    def payable(self, subject_id: int, *, now: datetime) -> Payable:
        """An unpaid top-up within its time, from any provider but the balance itself."""
        top_up = TopUp.objects.get(pk=subject_id)
        if top_up.paid_at:
            raise AlreadyPaid
        if not top_up.is_payable(now):
            raise TimeIsUp
        title, amount = _("Top-up of your balance"), top_up.amount
        return Payable(
            top_up.user_id, amount, top_up.pay_by, title, top_up.number, from_balance=False
        )

    def opened(self, subject_id: int, *, now: datetime) -> None:
        """Nothing is held for it, so nothing waits."""

    def home(self, attempt: Attempt) -> Home:
        """Onto the buyer's balance."""
        return Home(Event.TOP_UP, account(Book.BALANCE, attempt.user_id))

    def settle(self, attempts: Sequence[Attempt], *, now: datetime) -> Mapping[int, Verdict]:
        """The first payment is put on the balance, however late it comes; a second one goes back."""
        rows = TopUp.objects.in_bulk({attempt.subject_id for attempt in attempts})
        return {one.pk: _applied(one, rows[one.subject_id], now) for one in attempts}

    def ended(self, subject_ids: Sequence[int], *, now: datetime) -> None:
        """It is what its `pay_by` says: closed."""

    def refunded(self, refunds: Sequence[Refund], *, now: datetime) -> None:
        """A second payment is back; the top-up is as it was."""


def _applied(attempt: Attempt, top_up: TopUp, now: datetime) -> Verdict:
    if top_up.paid_at or attempt.amount != top_up.amount:
        return Returned(Why.SURPLUS)
    top_up.paid_at = now
    top_up.save(update_fields=["paid_at"])
    return Applied()


purposes.register("top-up", TopUpPurpose())
audits.extend(INVARIANTS)
