"""What rings in the belfry: bells at once, questions slowly, a chime now and then."""

from __future__ import annotations

import os
import time
from datetime import datetime

from django.db.models import Q

from shigu import clock
from tests.clock.bells import WAITING, Bell, Question, Strike

SLOW = float(os.environ.get("BELFRY_SLOW", "3"))
BATCH = float(os.environ.get("BELFRY_BATCH", "0"))


@clock.rings(Bell, due="due_at", among=WAITING, holds=True, name="bells.ring")
def ring(ids: list[int], *, now: datetime) -> int:
    """One strike a bell; slow where the test says so."""
    time.sleep(BATCH)
    changed = Bell.objects.filter(WAITING, pk__in=ids).update(state="rung")
    Strike.objects.bulk_create(Strike(bell=pk, at=now) for pk in ids)
    return changed


@clock.calls(Question, due="ask_at", tries="asks", among=Q(state="open"), name="bells.ask")
def ask(question: Question) -> str:
    """An outside that takes its time."""
    time.sleep(SLOW)
    return "yes"


@ask.records
def asked(pk: int, answer: str, *, tries: int) -> None:
    Question.objects.filter(pk=pk, asks=tries).update(state="done", answer=answer)


@clock.every("0 0 1 1 *", name="bells.sweep")
def sweep(*, now: datetime) -> None:
    """Takes as long as the outside."""
    time.sleep(SLOW)
    Strike.objects.create(bell=-1, at=now)
