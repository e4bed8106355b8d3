"""The Procrastinate application of the baseline `procrastinate`: one job per order, `schedule_at` its time.

Its jobs live in PostgreSQL beside the orders. A worker is `python -m shigu.bench.peer_procrastinate`; it
looks for jobs each half second instead of each five, which is in its favour.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import datetime

import django
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

QUEUE = "orders"
LOOK = 0.5


def expire_order(order_id: int) -> None:
    """One order's turn."""
    from shigu.bench.tutorial import expire_one  # noqa: PLC0415 - models come after Django's set-up

    expire_one(order_id)


app = App(connector=PsycopgConnector(conninfo=os.environ.get("DATABASE_URL", "")))
task = app.task(name="bench.expire_order", queue=QUEUE)(expire_order)


def furnish(url: str) -> None:
    """Its tables and functions."""
    with App(connector=SyncPsycopgConnector(conninfo=url)).open() as opened:
        opened.schema_manager.apply_schema()


def schedule(url: str, orders: Iterable[tuple[int, datetime]]) -> None:
    """One job per order, in one statement per thousand."""
    with app.replace_connector(SyncPsycopgConnector(conninfo=url)) as replaced, replaced.open():
        jobs = [task.configure(schedule_at=due).make_new_job(order_id=pk) for pk, due in orders]
        for start in range(0, len(jobs), 1000):
            replaced.job_manager.batch_defer_jobs(jobs[start : start + 1000])


def main() -> None:
    """A worker, until it is told to end."""
    django.setup()
    asyncio.run(_work())


async def _work() -> None:
    async with app.open_async():
        await app.run_worker_async(
            queues=[QUEUE], concurrency=1, fetch_job_polling_interval=LOOK, delete_jobs="always"
        )


if __name__ == "__main__":
    main()
