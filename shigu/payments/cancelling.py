"""Attempts that nobody wants any more are asked for and closed at their provider at once.

`ask_now` is for a subject that ended (a cancelled order), its rows locked by the caller: a code that
is still on a screen is closed, and what was paid meanwhile is heard of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from shigu import clock
from shigu.payments import locks
from shigu.payments.models import Attempt, State


def ask_now(purpose: str, subject_ids: Sequence[int], *, now: datetime) -> int:
    """Let the clock ask for all open attempts of these locked subjects; how many there are."""
    attempts = locks.attempts_of_locked(purpose, subject_ids)
    return unwant([attempt for attempt in attempts if attempt.state == State.OPEN], now=now)


def unwant(attempts: Sequence[Attempt], *, now: datetime) -> int:
    """The same for locked attempts that are open."""
    if attempts:
        rows = Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts])
        # One more claim than an ask under way knows of: its answer may not put this one off.
        rows.update(unwanted_at=now, ask_at=now, asks=F("asks") + 1)
        clock.hint("payments.ask")
    return len(attempts)
