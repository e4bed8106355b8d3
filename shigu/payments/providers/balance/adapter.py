"""`Balance`, the provider that is the house itself: there is nobody to speak to.

Paying is one transaction (`payments.paying`), so there is no cashier to open, no notify, no return and
nothing to ask: an attempt that is not paid never will be. A refund is "sent" by the very transaction that
records it, where the ledger gives the money back (`payments.booking`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shigu.ledger.models import Book, account
from shigu.payments.errors import NoSuchWay
from shigu.payments.models import Attempt, Refund, RefundState
from shigu.payments.provider import (
    Answer,
    BillRow,
    Event,
    Fate,
    NoBill,
    Redirect,
    RefundAnswer,
    Standing,
    Unverified,
)


class Balance:
    """Payments from what the buyer has in the house."""

    name: str | Promise = _("Balance")
    has_cashier = has_bill = False

    def source(self, attempt: Attempt) -> int:
        """The payer's own account."""
        return account(Book.BALANCE, attempt.user_id)

    def create(self, attempt: Attempt, *, return_url: str, notify_url: str) -> Redirect:
        """There is no page to go to."""
        raise NoSuchWay

    def parse_notify(self, body: bytes) -> Event:
        """Nobody tells us of it: whatever says so is junk."""
        raise Unverified("no-notify")

    def parse_return(self, query: bytes) -> str:
        """Nobody is sent away, so nobody comes back."""
        raise Unverified("no-return")

    def is_ours(self, answer: Answer) -> bool:
        return True

    def query(self, out_trade_no: str) -> Answer:
        """Asked only of what is open, and that was never paid: paying decides at once."""
        return Answer(out_trade_no, Standing.NOT_CREATED, said="paid at once or not at all")

    def close(self, out_trade_no: str) -> Standing:
        """Nothing is open anywhere."""
        return Standing.CLOSED

    def refund(self, refund: Refund) -> RefundAnswer:
        """Yes, always; recording this answer is what moves the money."""
        return RefundAnswer(Fate.SENT, "back on the balance")

    def query_refund(self, refund: Refund) -> RefundAnswer:
        """The row is the truth: it says "sent" exactly when the money moved."""
        sent = refund.state == RefundState.SENT
        return RefundAnswer(Fate.SENT if sent else Fate.NOT_SENT)

    def download_bill(self, day: date) -> Iterable[BillRow]:
        """Nobody else keeps books of it; the ledger and its audit are the bill."""
        raise NoBill("no bill of our own balance")

    def ack(self, ok: bool) -> bytes:
        """Nobody listens."""
        return b""
