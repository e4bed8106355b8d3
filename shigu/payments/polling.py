"""A page asks how its payment stands; the provider is asked at most every few seconds.

`poll` is the fallback for a notify that does not come. It never closes anything, and backs off by
itself while the provider is silent, so that waiting pages cannot tie up the shop.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from shigu import clock
from shigu.payments.models import Attempt, State
from shigu.payments.provider import Standing, providers
from shigu.payments.settling import settle

EVERY = timedelta(seconds=4)
AFTER_SILENCE = timedelta(seconds=30)


def poll(purpose: str, subject_id: int, *, every: timedelta = EVERY) -> bool:
    """Ask for this subject's open attempts; True when the answer changed something."""
    changed = [look(attempt) for attempt in _claimed(purpose, subject_id, every)]
    return any(changed)


def look(attempt: Attempt) -> bool:
    """Ask for this one and settle; True when it is not open any more."""
    answer = providers[attempt.provider].query(attempt.out_trade_no)
    if answer.standing is Standing.UNKNOWN:
        Attempt.objects.filter(pk=attempt.pk).update(polled_at=clock.now() + AFTER_SILENCE)
        return False
    settle(attempt.provider, answer)
    return not Attempt.objects.filter(pk=attempt.pk, state=State.OPEN).exists()


def _claimed(purpose: str, subject_id: int, every: timedelta) -> list[Attempt]:
    """Open attempts nobody asked for lately; from now on they were."""
    with transaction.atomic(durable=True):
        now = clock.now()
        rows = Attempt.objects.filter(
            Q(polled_at=None) | Q(polled_at__lte=now - every),
            purpose=purpose,
            subject_id=subject_id,
            state=State.OPEN,
        )
        claimed = list(rows.order_by("pk").select_for_update(no_key=True, skip_locked=True))
        Attempt.objects.filter(pk__in=[attempt.pk for attempt in claimed]).update(polled_at=now)
    return claimed
