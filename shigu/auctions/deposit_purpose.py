"""What payments ask of deposits; see `payments.purposes.Purpose` for each verb's promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext as _

from shigu import clock
from shigu.auctions import deposits, telling
from shigu.auctions.deposits import Gate
from shigu.auctions.errors import DepositPaid, DepositTimeIsUp
from shigu.auctions.locks import locked_deposits
from shigu.auctions.models import Deposit, DepositState
from shigu.ledger.models import Book, Event, account
from shigu.payments.models import Attempt, Refund
from shigu.payments.purposes import Home, Payable, Verdict


class DepositPurpose:
    """A deposit's money is held in an account of its own until the deposit is decided."""

    def lock(self, subject_ids: Sequence[int]) -> None:
        """Lock the deposits in pk order."""
        locked_deposits(subject_ids)

    def lock_all(self, subject_ids: Sequence[int]) -> None:
        """Their own accounts are locked with the attempts."""

    def payable(self, subject_id: int, *, now: datetime) -> Payable:
        """A pending deposit within its time, for something that can still be bid on."""
        deposit = Deposit.objects.select_related("lot", "session").get(pk=subject_id)
        if deposit.attempt_id is not None:
            raise DepositPaid
        if deposit.state != DepositState.PENDING or now >= deposit.pay_by:
            raise DepositTimeIsUp
        deposits.refuse(Gate(deposit.session_id, deposit.lot_id), deposit.user_id, now)
        title = _("Deposit: %(name)s") % {"name": (deposit.lot or deposit.session).name}
        return Payable(deposit.user_id, deposit.amount, deposit.pay_by, title, deposit.number)

    def opened(self, subject_id: int, *, now: datetime) -> None:
        """From now on the provider has a word: it lapses at the backstop, not before."""
        rows = Deposit.objects.filter(pk=subject_id, state=DepositState.PENDING)
        rows.update(due_at=F("pay_by") + settings.ASK_BACKSTOP)

    def home(self, attempt: Attempt) -> Home:
        """The deposit's own account."""
        return Home(Event.DEPOSIT, account(Book.DEPOSIT, attempt.subject_id))

    def settle(self, attempts: Sequence[Attempt], *, now: datetime) -> Mapping[int, Verdict]:
        """The first payment that still admits to something is held; every other one goes back."""
        rows = Deposit.objects.in_bulk({attempt.subject_id for attempt in attempts})
        return {one.pk: deposits.settle(one, rows[one.subject_id], now) for one in attempts}

    def ended(self, subject_ids: Sequence[int], *, now: datetime) -> None:
        """Nobody can pay these any more through an open cashier: they lapse at `pay_by` again."""
        rows = Deposit.objects.filter(pk__in=subject_ids, state=DepositState.PENDING)
        rows.update(due_at=F("pay_by"))
        clock.hint(deposits.lapse)

    def refunded(self, refunds: Sequence[Refund], *, now: datetime) -> None:
        """What goes back was counted when that was decided; now it is there, its owners are told."""
        telling.returned(refunds, at=now)
