"""What the shop needs of a payment provider, and nothing more: the `Provider` protocol.

Nothing here settles anything: a provider only says what it was told, as an `Answer`, an `Event` or a
`RefundAnswer`; `settling.settle` decides. What cannot be believed raises `Unverified`, never anything else;
what cannot be reached is an answer too (`UNKNOWN`). `providers["alipay"]` finds one by its code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from django.utils.functional import Promise

from shigu.kit.money import Fen
from shigu.kit.registry import Registry
from shigu.payments.models import Attempt, Refund


class Unverified(Exception):
    """Not from the provider, or not readable; `why` is a short code for the tally."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Standing(StrEnum):
    """How a payment stands at the provider."""

    PAID = "paid"
    WAITING = "waiting"
    CLOSED = "closed"
    GIVEN_BACK = "given-back"  # was paid, and all of it went back
    NOT_CREATED = "not-created"  # unknown there; may still come to be until it expires
    NO_PAYMENT = "no-payment"  # tells of something else, a refund for example
    UNKNOWN = "unknown"  # no answer, or none to be believed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says of one number. None in a field: it did not say.

    `said` is the provider's own word for operators, without names of people.
    """

    out_trade_no: str
    standing: Standing
    amount: Fen | None = None
    app_id: str | None = None
    seller_id: str | None = None
    trade_no: str = ""
    paid_at: datetime | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A verified notify: its own number, and what it says."""

    notify_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the buyer's browser goes to pay (by GET)."""

    url: str


class Fate(StrEnum):
    """What became of a refund."""

    SENT = "sent"
    REFUSED = "refused"
    NOT_SENT = "not-sent"  # the provider knows no such refund
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """A refund's fate and the provider's own word for it."""

    fate: Fate
    said: str = ""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One movement on the provider's bill; `amount` in fen is negative for a refund."""

    trade_no: str
    out_trade_no: str
    request_no: str
    amount: Fen
    at: datetime
    subject: str


class Provider(Protocol):
    """One way to pay. See `providers/__init__.py` for how to add one."""

    name: str | Promise
    """As people call it."""

    has_cashier: bool
    """Is it paid at a page of its own? Without one, `payments.paying` decides it at once."""

    has_bill: bool
    """Does it keep books of its own, to compare ours with each morning?"""

    def source(self, attempt: Attempt) -> int:
        """The ledger account that its money comes from and goes back to."""

    def create(self, attempt: Attempt, *, return_url: str, notify_url: str) -> Redirect:
        """Where to pay; `NoSuchWay` when the provider is not set up. Speaks to nobody."""

    def parse_notify(self, body: bytes) -> Event:
        """The body of a notify, verified; `Unverified` for anything else."""

    def parse_return(self, query: bytes) -> str:
        """Our number in a verified return; `Unverified` for anything else."""

    def is_ours(self, answer: Answer) -> bool:
        """Was it paid to our app and to our account, as far as the answer says?"""

    def query(self, out_trade_no: str) -> Answer:
        """How the payment stands."""

    def close(self, out_trade_no: str) -> Standing:
        """Let nobody pay it any more: CLOSED, or why not (PAID: it was paid meanwhile)."""

    def refund(self, refund: Refund) -> RefundAnswer:
        """Send money back; the same `request_no` never sends twice."""

    def query_refund(self, refund: Refund) -> RefundAnswer:
        """Was it sent?"""

    def download_bill(self, day: date) -> Iterable[BillRow]:
        """All movements of a day in the provider's zone; raises `NoBill`."""

    def ack(self, ok: bool) -> bytes:
        """What the provider wants to hear after a notify."""


class NoBill(Exception):
    """The bill is not there yet, or cannot be had now."""


providers: Registry[Provider] = Registry("payment providers", kinds=["alipay", "balance"])
