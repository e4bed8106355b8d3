"""The Celery application of the baselines: a task per order (`celery_task`, `celery_eta`), a scan by beat.

Tuned in its favour: no results kept, prefetching, connections that stay open between tasks.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab

BROKER = "SHIGU_BENCH_BROKER"
BEAT = "SHIGU_BENCH_BEAT"
"""`minute` or `second`: how often beat sends the scan."""

EXPIRE = "bench.expire_order"
IDLE = "idle"
"""The queue that the worker listens to while it waits."""

OFTEN = {"minute": crontab(), "second": 1.0}


def expire_order(order_id: int) -> None:
    """One order's turn."""
    from shigu.bench.tutorial import expire_one  # noqa: PLC0415 - models come after Django's set-up

    expire_one(order_id)


def scan() -> None:
    """The periodic task of the tutorials: whatever is overdue, one after the other."""
    from shigu.bench.tutorial import expire_overdue  # noqa: PLC0415 - as above

    expire_overdue()


def make(broker: str | None) -> Celery:
    """The application at one broker: the worker's own, or one to publish with."""
    made = Celery("shigu.bench", broker=broker, set_as_current=False)
    made.conf.update(
        task_ignore_result=True,
        task_default_queue=IDLE,
        worker_prefetch_multiplier=64,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    made.conf.CELERY_DB_REUSE_MAX = 1_000_000_000
    made.task(name=EXPIRE)(expire_order)
    made.task(name="bench.scan")(scan)
    if often := os.environ.get(BEAT):
        # A scan that nobody has begun by the next one is worth nothing: a queue must not pile up.
        entry = {"task": "bench.scan", "schedule": OFTEN[often], "options": {"expires": 60}}
        made.conf.beat_schedule = {"scan": entry}
    return made


app = make(os.environ.get(BROKER))
