"""Comparing a day's bill from the provider with what the shop has on its books.

`differences(provider, day)` lists what is missing on the bill, what the shop knows nothing of, and amounts
that are not equal. It changes nothing: what differs is for an operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

from shigu.kit.money import Fen
from shigu.payments.models import Attempt, Refund, RefundState, State
from shigu.payments.provider import providers

BEIJING = timezone(timedelta(hours=8))
EDGE = timedelta(minutes=5)
"""Around midnight the two clocks may put a movement on different days."""

Key = tuple[str, str]
"""Our number, and the refund's request number (empty for a payment)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One movement on which bill and books disagree; amounts in fen, None where it is not known."""

    kind: Literal["missing", "surplus", "unequal"]
    out_trade_no: str
    request_no: str
    ours: Fen | None
    theirs: Fen | None


def differences(provider: str, day: date) -> list[Difference]:
    """What does not agree for `day` (in the provider's zone); raises `NoBill` where there is none."""
    theirs: Counter[Key] = Counter()
    for row in providers[provider].download_bill(day):
        theirs[row.out_trade_no, row.request_no] += row.amount
    start = datetime.combine(day, time(), BEIJING)
    sure = dict(_books(provider, start + EDGE, start + timedelta(days=1) - EDGE))
    known = dict(_books(provider, start - EDGE, start + timedelta(days=1) + EDGE))
    keys = sorted(theirs.keys() | sure.keys())
    return [found for key in keys if (found := _compared(key, known, theirs))]


def _compared(key: Key, ours: dict[Key, Fen], theirs: Counter[Key]) -> Difference | None:
    mine, billed = ours.get(key), theirs.get(key)
    if mine == billed:
        return None
    if billed is None:
        return Difference("missing", *key, mine, billed)
    return Difference("surplus" if mine is None else "unequal", *key, mine, billed)


def _books(provider: str, since: datetime, until: datetime) -> Iterator[tuple[Key, Fen]]:
    """Payments and refunds of this time; where the provider told no time, our own counts."""
    attempts = Attempt.objects.filter(
        provider=provider, state=State.PAID, paid_at__gte=since, paid_at__lt=until
    )
    for number, amount in attempts.values_list("out_trade_no", "amount"):
        yield (number, ""), amount
    refunds = Refund.objects.filter(
        attempt__provider=provider,
        state=RefundState.SENT,
        ended_at__gte=since,
        ended_at__lt=until,
    )
    columns = ("attempt__out_trade_no", "request_no", "amount")
    for number, request_no, amount in refunds.values_list(*columns):
        yield (number, request_no), -amount
