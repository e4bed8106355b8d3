"""The clock asks the provider, then closes: nobody waits for a notify that may never come.

`ask` runs at `ask_at`: when the time to pay is over, or when nobody wants the attempt any more. "No
such trade" is final only once the provider itself would refuse (`expires_at` and a margin), because
a cashier page that was never opened stays payable until then. Silence is retried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.payments import locks
from shigu.payments.models import Attempt, State
from shigu.payments.provider import Answer, Provider, Standing, providers
from shigu.payments.settling import Hearing, decide

PATIENCE = timedelta(seconds=60)
"""Between two looks at a page that nobody opened yet and nobody wants any more."""

TROUBLE = timedelta(hours=1)
"""Between two looks at money that does not fit (a wrong amount), until an operator has seen to it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the provider said, and when it was asked (before it was)."""

    answer: Answer
    asked_at: datetime


@clock.calls(
    Attempt,
    due="ask_at",
    tries="asks",
    among=Q(state=State.OPEN),
    lease=12 * settings.ALIPAY_TIMEOUT,
    retry=clock.Backoff(first=timedelta(seconds=10), factor=2, most=timedelta(minutes=10)),
)
def ask(attempt: Attempt) -> Heard:
    """How does it stand? What waits and may not be paid any more is closed there."""
    asked_at = clock.now()
    provider = providers[attempt.provider]
    answer = provider.query(attempt.out_trade_no)
    reached("payments.ask.queried")
    if answer.standing is Standing.WAITING and attempt.is_over(asked_at):
        answer = _closed(provider, answer)
    reached("payments.ask.asked")
    return Heard(answer, asked_at)


def _closed(provider: Provider, answer: Answer) -> Answer:
    """Close it; where that fails, somebody may just have paid: ask again instead of guessing."""
    if provider.close(answer.out_trade_no) is Standing.CLOSED:
        return replace(answer, standing=Standing.CLOSED, said="closed by us")
    again = provider.query(answer.out_trade_no)
    waiting = again.standing is Standing.WAITING
    return replace(again, standing=Standing.UNKNOWN) if waiting else again


@ask.records
def heard(attempt_id: int, told: Heard, *, tries: int) -> None:
    """Settle with the answer, or ask again later."""
    purpose, subject_id = Attempt.objects.values_list("purpose", "subject_id").get(pk=attempt_id)
    with transaction.atomic(durable=True):
        mine = locks.attempts_of([(purpose, subject_id)])
        attempt = next(row for row in mine if row.pk == attempt_id)
        clock.StaleClaim.unless(attempt.asks == tries)
        decide([Hearing(attempt.provider, _final(attempt, told))])
        Attempt.objects.filter(pk=attempt_id).update(last_answer=told.answer.said)
        attempt.refresh_from_db(fields=["state"])
    if attempt.state == State.OPEN:
        raise clock.Again(after=_wait(attempt, told))


def _final(attempt: Attempt, told: Heard) -> Answer:
    """The answer, where nothing came and nothing can come any more: closed."""
    gone = told.answer.standing is Standing.GIVEN_BACK
    never = told.answer.standing is Standing.NOT_CREATED and attempt.is_final(told.asked_at)
    return replace(told.answer, standing=Standing.CLOSED) if gone or never else told.answer


def _wait(attempt: Attempt, told: Heard) -> timedelta | None:
    """How long until it is asked again; None leaves it to the backoff."""
    standing, now = told.answer.standing, told.asked_at
    if standing is Standing.PAID:
        return TROUBLE
    if standing is Standing.UNKNOWN:
        return None
    if not attempt.is_over(now):
        return attempt.expires_at - now
    final = attempt.expires_at + settings.ASK_MARGIN
    return max(min(PATIENCE, final - now), timedelta(seconds=1))


def look(attempt_ids: Sequence[int]) -> int:
    """An operator wants to know now; nothing is closed before its time. How many are asked for."""
    with transaction.atomic(durable=True):
        rows = Attempt.objects.filter(pk__in=attempt_ids, state=State.OPEN).order_by("pk")
        ids = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
        changed = Attempt.objects.filter(pk__in=ids).update(ask_at=clock.now(), asks=F("asks") + 1)
        clock.hint(ask)
    return changed
