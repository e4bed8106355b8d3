"""Money goes back by the original route, under one request number for ever.

`give_back` decides it (a row, inside the caller's transaction; `give_back_all` for many); the clock's `send`
carries it out, as often as it takes: a time-out or a system error means unknown, never failed, and the number
makes sure that money moves once. What a provider refuses waits for an operator, who may `send_again`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q

from shigu import clock
from shigu.kit import pushing
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen, yuan
from shigu.payments import booking, locks
from shigu.payments.errors import OverRefund
from shigu.payments.models import Attempt, Refund, RefundState, State, Why
from shigu.payments.provider import Fate, RefundAnswer, providers
from shigu.payments.purposes import purposes


def give_back(attempt_id: int, amount: Fen, why: Why, *, now: datetime) -> Refund:
    """Decide that `amount` fen of a paid attempt go back; the caller has locked its subject.

    Raises `OverRefund` where that is more than is left.
    """
    [refund] = give_back_all({attempt_id: amount}, why, now=now)
    return refund


SUM = """
UPDATE payments_attempt a SET refunding = a.refunding + v.amount
  FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, amount) WHERE a.id = v.id
"""


def give_back_all(amounts: Mapping[int, Fen], why: Why, *, now: datetime) -> list[Refund]:
    """The same for many attempts, amounts in fen by their ids: all of them or none, set-based."""
    if not amounts:
        return []
    attempts = locks.attempts_by_id(amounts)
    for attempt in attempts:
        left = attempt.amount - attempt.refunding if attempt.state == State.PAID else 0
        if not 0 < amounts[attempt.pk] <= left:
            raise OverRefund(left=yuan(left))
    with connection.cursor() as cursor:
        cursor.execute(SUM, [list(amounts), list(amounts.values())])
    refunds = Refund.objects.bulk_create(_refunds(attempts, amounts, why, now))
    booking.refunds_decided(refunds, now=now)
    clock.hint(send)
    return refunds


def _refunds(
    attempts: Sequence[Attempt], amounts: Mapping[int, Fen], why: Why, now: datetime
) -> list[Refund]:
    rows = Refund.objects.filter(attempt_id__in=amounts).values_list("attempt_id")
    before = dict(rows.annotate(count=Count("pk")).order_by())
    return [
        Refund(
            attempt=attempt,
            amount=amounts[attempt.pk],
            why=why,
            request_no=f"{attempt.out_trade_no}_r{before.get(attempt.pk, 0) + 1}",
            try_at=now,
            started_at=now,
        )
        for attempt in attempts
    ]


@clock.calls(
    Refund,
    due="try_at",
    tries="tries",
    among=Q(state=RefundState.SENDING),
    lease=8 * settings.ALIPAY_TIMEOUT,
    retry=clock.Backoff(first=timedelta(seconds=5), factor=3, most=timedelta(hours=1)),
)
def send(refund: Refund) -> RefundAnswer:
    """Send it, and believe only what is certain.

    1.  Ask the provider to send. Money moved: done.
    2.  Anything else may hide an earlier try that went through: ask whether it was sent.
    3.  A refusal counts only where the provider knows of no such refund; the rest is unknown.
    """
    provider = providers[refund.attempt.provider]
    answer = provider.refund(refund)
    reached("payments.refund.answered")
    if answer.fate is Fate.SENT:
        return answer
    found = provider.query_refund(refund)
    if found.fate is Fate.SENT:
        return found
    if answer.fate is Fate.REFUSED and found.fate is Fate.NOT_SENT:
        return answer
    return RefundAnswer(Fate.UNKNOWN, answer.said)


@send.records
def sent(refund_id: int, answer: RefundAnswer, *, tries: int) -> None:
    """Write down what became of it; unknown is tried again with the same number.

    Money that goes back to a balance moves here, with the row that says so: once, or not yet.
    """
    attempt = Attempt.objects.get(refunds=refund_id)
    with transaction.atomic(durable=True):
        locks.attempts_of([(attempt.purpose, attempt.subject_id)])
        booking.lock([attempt])
        refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
        clock.StaleClaim.unless(refund.tries == tries and refund.state == RefundState.SENDING)
        now = clock.now()
        _record(refund, answer, now)
        if answer.fate is Fate.SENT:
            booking.refund_sent(refund, attempt, now=now)
            purposes[attempt.purpose].refunded([refund], now=now)
        pushing.changed(attempt.purpose, [attempt.subject_id])
        reached("payments.refund.recording")
    if answer.fate is Fate.UNKNOWN:
        raise clock.Again


def _record(refund: Refund, answer: RefundAnswer, now: datetime) -> None:
    refund.last_answer = answer.said
    if answer.fate is Fate.SENT:
        refund.state, refund.ended_at = RefundState.SENT, now
    elif answer.fate is Fate.REFUSED:
        refund.state, refund.ended_at = RefundState.REFUSED, now
    refund.save(update_fields=["state", "ended_at", "last_answer"])


def send_again(refund_ids: Sequence[int]) -> int:
    """An operator tries refused refunds once more, with their own numbers; how many there were."""
    with transaction.atomic(durable=True):
        rows = Refund.objects.filter(pk__in=refund_ids, state=RefundState.REFUSED).order_by("pk")
        ids = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
        again = {"state": RefundState.SENDING, "ended_at": None, "try_at": clock.now()}
        changed = Refund.objects.filter(pk__in=ids).update(**again)
        clock.hint(send)
    return changed
