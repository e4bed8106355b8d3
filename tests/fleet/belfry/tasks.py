"""Ordinary Celery tasks of an extension."""

from __future__ import annotations

from celery import shared_task  # noqa: TID251 - an extension may

from shigu import clock
from tests.clock.bells import Bell, Strike


@shared_task(name="belfry.chime")
def chime(bell: int = 0) -> int:
    """Leaves a strike."""
    return int(Strike.objects.create(bell=bell, at=clock.now()).pk)


@shared_task(name="belfry.toll")
def toll(pk: int) -> None:
    """What a task per row does: the message is the truth, so a doubled one tolls twice."""
    Bell.objects.filter(pk=pk).update(state="rung")
    Strike.objects.create(bell=pk, at=clock.now())
