"""The one settling function: notify, return, a page's poll and the clock's asking all end here.

`settle(provider, answer)` is one answer in a transaction of its own; `decide(hearings)` does the work for
a caller that has one open. Whatever arrives, in any order, any number of times: an attempt's money
is decided once, under its lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from django.db import transaction

from shigu import clock
from shigu.kit import pushing
from shigu.kit.breakpoints import reached
from shigu.payments import booking, locks
from shigu.payments.cancelling import unwant
from shigu.payments.models import Attempt, Money, Notice, Outcome, State
from shigu.payments.provider import Answer, Standing, providers
from shigu.payments.purposes import Returned, purposes
from shigu.payments.refunding import give_back

log = structlog.get_logger(__name__)

Known: TypeAlias = Mapping[tuple[str, str], Attempt]


class DecidedTwice(RuntimeError):
    """Money that was decided already; everything of this transaction goes back."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """An answer, and which provider gave it."""

    provider: str
    answer: Answer

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.answer.out_trade_no

    @property
    def may_change(self) -> bool:
        """Only "paid" and "closed", and only of ours, change anything."""
        telling = self.answer.standing in (Standing.PAID, Standing.CLOSED)
        return telling and self.is_ours

    @property
    def is_ours(self) -> bool:
        return providers[self.provider].is_ours(self.answer)


def settle(provider: str, answer: Answer, *, notice_id: int | None = None) -> Outcome:
    """Decide what follows from `answer`, once, and record it.

    1.  Lock the notice that told it, if one did; a handled one was heard before.
    2.  Another app's or seller's money is foreign: nothing changes.
    3.  Only "paid" and "closed" change anything; a refund's echo is no payment.
    4.  Find the attempt by its number, lock its subject through the purpose, then its attempts, then
        the buyer's balance where money comes from or goes there.
    5.  The amount equals the attempt's to the fen, or nothing changes.
    6.  Money that was decided is never decided again.
    7.  The purpose applies the money or returns it; compare and set; the ledger has it; returned
        money becomes a refund at once, under its fixed request number.
    8.  The subject's other open attempts are wanted no more; its last one closed, or whose money
        cannot be used, ends its waiting.
    9.  Mark the notice handled, commit.
    """
    with transaction.atomic(durable=True):
        notice = _locked_notice(notice_id)
        if notice and notice.handled_at:
            return Outcome(notice.outcome)
        (outcome,) = decide([Hearing(provider, answer)])
        if notice:
            mark_handled([notice], [outcome])
        reached("payments.settle.committing")
    reached("payments.settle.committed")
    return outcome


def decide(hearings: Sequence[Hearing]) -> list[Outcome]:
    """Steps 2 to 8 for each of these, in the caller's transaction; their outcomes in order.

    All subjects are locked before the first is decided, so that batches cannot wait in a circle.
    """
    numbers = [hearing.answer.out_trade_no for hearing in hearings if hearing.may_change]
    subjects = Attempt.objects.filter(out_trade_no__in=numbers).values_list("purpose", "subject_id")
    reached("payments.settle.found")
    attempts = locks.attempts_of(subjects)
    reached("payments.settle.locked")
    known = {(attempt.provider, attempt.out_trade_no): attempt for attempt in attempts}
    told = [known[hearing.key] for hearing in hearings if hearing.key in known]
    booking.lock(told)
    locks.lock_all(told)
    return [_decided(hearing, known) for hearing in hearings]


def mark_handled(notices: Sequence[Notice], outcomes: Sequence[Outcome]) -> None:
    """These notices, locked by the caller, ended so."""
    now = clock.now()
    for notice, outcome in zip(notices, outcomes, strict=True):
        Notice.objects.filter(pk=notice.pk).update(handled_at=now, due_at=None, outcome=outcome)


def _locked_notice(notice_id: int | None) -> Notice | None:
    if notice_id is None:
        return None
    return Notice.objects.select_for_update(no_key=True).get(pk=notice_id)


def _decided(hearing: Hearing, known: Known) -> Outcome:
    attempt = known.get(hearing.key)
    if not hearing.is_ours:
        return _strange(Outcome.FOREIGN, hearing)
    if not hearing.may_change:
        return Outcome.NO_PAYMENT
    if attempt is None:
        return _strange(Outcome.UNKNOWN, hearing)
    if hearing.answer.standing is Standing.CLOSED:
        return _close(attempt, known)
    if hearing.answer.amount != attempt.amount:
        return _strange(Outcome.WRONG_AMOUNT, hearing)
    if is_decided(attempt):
        return Outcome.REPEATED
    return _pay(attempt, hearing.answer, known)


def is_decided(attempt: Attempt) -> bool:
    """Has this attempt's money a home already? Asked under its lock."""
    return attempt.state == State.PAID


def _pay(attempt: Attempt, answer: Answer, known: Known) -> Outcome:
    now = clock.now()
    attempt.state, attempt.trade_no, attempt.paid_at = State.PAID, answer.trade_no, answer.paid_at
    verdict = purposes[attempt.purpose].settle([attempt], now=now)[attempt.pk]
    returned = isinstance(verdict, Returned)
    attempt.money, attempt.decided_at = Money.RETURNING if returned else Money.APPLIED, now
    _compare_and_set(attempt)
    booking.decided(attempt, now=now)
    pushing.changed(attempt.purpose, [attempt.subject_id])
    if isinstance(verdict, Returned):
        give_back(attempt.pk, attempt.amount, verdict.why, now=now)
        if not _open_beside(attempt, known):
            purposes[attempt.purpose].ended([attempt.subject_id], now=now)
        return Outcome.RETURNED
    unwant(_open_beside(attempt, known), now=now)
    return Outcome.SETTLED


def _compare_and_set(attempt: Attempt) -> None:
    """Write the decision only over an undecided row; under the lock that is always so."""
    changed = Attempt.objects.filter(pk=attempt.pk, money=Money.NONE).update(
        state=attempt.state,
        money=attempt.money,
        trade_no=attempt.trade_no,
        paid_at=attempt.paid_at,
        decided_at=attempt.decided_at,
    )
    if not changed:
        raise DecidedTwice(attempt.out_trade_no)


def _close(attempt: Attempt, known: Known) -> Outcome:
    if attempt.state == State.OPEN:
        now = clock.now()
        attempt.state = State.CLOSED
        Attempt.objects.filter(pk=attempt.pk).update(state=State.CLOSED, closed_at=now)
        if not _open_beside(attempt, known):
            purposes[attempt.purpose].ended([attempt.subject_id], now=now)
    return Outcome.NO_PAYMENT


def _open_beside(attempt: Attempt, known: Known) -> list[Attempt]:
    """The same subject's other attempts that may still be paid; all of them are locked."""
    subject = (attempt.purpose, attempt.subject_id)
    return [
        other
        for other in known.values()
        if (other.purpose, other.subject_id) == subject
        and other.pk != attempt.pk
        and other.state == State.OPEN
    ]


def _strange(outcome: Outcome, hearing: Hearing) -> Outcome:
    log.warning("payments.strange", outcome=str(outcome), number=hearing.answer.out_trade_no[:64])
    return outcome
