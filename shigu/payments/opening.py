"""Opening the cashier: an attempt with its own number at the provider, and the way there.

`open_attempt` reuses what is still open for the same way and amount, so that a second click opens
the same cashier. The provider is told `pay_by` itself; the clock asks it then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.payments import locks
from shigu.payments.errors import NoSuchWay, NotYours
from shigu.payments.models import Attempt, State
from shigu.payments.provider import Redirect, providers
from shigu.payments.purposes import Payable, purposes


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody pays: provider, and its channel (`page` on a desk, `wap` on a phone)."""

    provider: str = "alipay"
    channel: str = "page"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the provider sends the browser, and where it tells us."""

    returns: str
    notifies: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The attempt, and where the browser goes."""

    attempt: Attempt
    redirect: Redirect


def open_attempt(
    purpose: str, subject_id: int, *, user_id: int, way: Way, addresses: Addresses
) -> Opened:
    """Open the cashier for this subject.

    1.  Lock the subject, read the clock, ask the purpose what is to be paid: it may refuse.
    2.  Reuse an attempt that is open for the same way, amount and deadline, else insert one.
    3.  Tell the purpose that it waits for the provider's word from now on; commit.
    4.  Ask the provider for its address (nothing is sent to it).
    """
    if way.provider not in providers or not providers[way.provider].has_cashier:
        raise NoSuchWay
    with transaction.atomic(durable=True):
        attempts = locks.attempts_of([(purpose, subject_id)])
        now = clock.now()
        payable = purposes[purpose].payable(subject_id, now=now)
        if payable.user_id != user_id:
            raise NotYours
        attempt = _reusable(attempts, payable, way)
        if attempt is None:
            attempt = insert(purpose, subject_id, payable, way, nth=len(attempts) + 1, now=now)
            purposes[purpose].opened(subject_id, now=now)
    reached("payments.open.opened")
    provider = providers[way.provider]
    redirect = provider.create(attempt, return_url=addresses.returns, notify_url=addresses.notifies)
    return Opened(attempt, redirect)


def _reusable(attempts: list[Attempt], payable: Payable, way: Way) -> Attempt | None:
    wanted = (way.provider, way.channel, payable.amount, payable.pay_by)
    for attempt in reversed(attempts):
        offered = (attempt.provider, attempt.channel, attempt.amount, attempt.expires_at)
        if attempt.state == State.OPEN and attempt.unwanted_at is None and offered == wanted:
            return attempt
    return None


def insert(
    purpose: str, subject_id: int, payable: Payable, way: Way, *, nth: int, now: datetime
) -> Attempt:
    """The subject's `nth` attempt; the caller has locked the others."""
    return Attempt.objects.create(
        purpose=purpose,
        subject_id=subject_id,
        user_id=payable.user_id,
        provider=way.provider,
        channel=way.channel,
        out_trade_no=f"{payable.number}_{nth}",
        amount=payable.amount,
        title=payable.title[:128],
        opened_at=now,
        expires_at=payable.pay_by,
        ask_at=payable.pay_by,
    )
