"""Ordinary entries of `beat_schedule` with several schedulers at once: whose turn is it?

Celery wants one scheduler alone, because each remembers by itself when it sent an entry last. Here
that moment is a row. `is_due` reads it and takes the turn by comparing and setting it; `recall`
brings it back after a restart, so that a moment missed meanwhile is sent once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction

from shigu.fleet.models import Turn

AGAIN = 1.0
"""Seconds until one looks again after another scheduler took the turn."""


def is_due(entry: Any) -> tuple[bool, float]:
    """Whether this scheduler is to send it now, and the seconds until it may be due again."""
    due, wait = entry.is_due()
    if not due:
        return False, wait
    last = Turn.objects.filter(entry=entry.name).values_list("sent_at", flat=True).first()
    if last and last > entry.last_run_at:
        entry.last_run_at = last
        due, wait = entry.is_due()
    if due and not _take(entry.name, last):
        return False, AGAIN
    return due, wait


def recall(entries: Iterable[Any]) -> None:
    """What was sent last before this scheduler began."""
    sent = dict(Turn.objects.values_list("entry", "sent_at"))
    for entry in entries:
        entry.last_run_at = sent.get(entry.name, entry.last_run_at)


def _take(name: str, last: datetime | None) -> bool:
    # By this machine's clock, not the database's: schedules of Celery compare it with that one.
    at = datetime.now(UTC)
    if last is not None:
        return bool(Turn.objects.filter(entry=name, sent_at=last).update(sent_at=at))
    try:
        with transaction.atomic():
            Turn.objects.create(entry=name, sent_at=at)
    except IntegrityError:
        return False
    return True
