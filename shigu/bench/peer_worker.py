"""The Celery application of the baseline `celery_task`: one task per order, as the tutorials have it.

Tuned in its favour: no results kept, prefetching, connections that stay open between tasks.
"""

from __future__ import annotations

import os

from celery import Celery

BROKER = "SHIGU_BENCH_BROKER"
IDLE = "idle"
"""The queue that the worker listens to while it waits."""


def expire_order(order_id: int) -> None:
    """One order's turn."""
    from shigu.bench.tutorial import expire_one  # noqa: PLC0415 - models come after Django's set-up

    expire_one(order_id)


app = Celery("shigu.bench", broker=os.environ.get(BROKER))
app.conf.update(
    task_ignore_result=True,
    task_default_queue=IDLE,
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
app.conf.CELERY_DB_REUSE_MAX = 1_000_000_000
expire_task = app.task(name="bench.expire_order")(expire_order)
