"""The one task of Shigu: drain a kind. It carries the kind's name and no data.

Doing it twice, late or never changes no outcome: what is due stands in the rows. Here the hands of
this worker process are told when the worker is to end, and workers and schedulers begin to be traced
where `SHIGU_OTEL=1`: each process by itself, after it was forked.
"""

from __future__ import annotations

from celery import signals
from django.conf import settings

from shigu.fleet.app import DRAIN, app
from shigu.fleet.hands import Hands, Stopping

stopping = Stopping()
_hands: list[Hands] = []


def hands() -> Hands:
    """This process's own: made by its first hint, after it was forked."""
    if not _hands:
        _hands.append(Hands(stopping))
    return _hands[0]


def stop(**_: object) -> None:
    """The worker was told to end: every process of it stops after the batch in hand."""
    stopping.set()


def close(**_: object) -> None:
    """This process ends."""
    while _hands:
        _hands.pop().close()
    if settings.OTEL:
        from shigu.fleet import tracing  # noqa: PLC0415 - only where traces are wanted

        tracing.end()


def trace(**_: object) -> None:
    """This process begins."""
    if settings.OTEL:
        from shigu.fleet import tracing  # noqa: PLC0415 - as above

        tracing.begin()


def drain(kind: str) -> None:
    """Something of this kind may be due."""
    hands().take(kind)


drain_task = app.task(name=DRAIN, ignore_result=True)(drain)
signals.worker_process_init.connect(trace)
signals.beat_init.connect(trace)
signals.worker_shutting_down.connect(stop)
signals.worker_process_shutdown.connect(close)
signals.worker_shutdown.connect(close)
