"""Orders that are due soon, a runner that rings them, and how late each of them rang.

Lateness is PostgreSQL's own word: the timestamp of the commit of the order's history row, less the moment
due. It refuses what rang early, twice or not at all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection

from shigu.bench import bulk, same_rows
from shigu.bench.bulk import Batch
from shigu.bench.crew import ROOT, end, environment
from shigu.bench.errors import BenchFailed, HandLost, NotTheSame
from shigu.bench.world import World
from shigu.clock import now
from shigu.clock.models import KindState


@contextmanager
def runner() -> Iterator[subprocess.Popen[bytes]]:
    """`shigu clock run`, with the pool of connections it has in a shop."""
    command = [sys.executable, "-m", "shigu", "clock", "run"]
    env = environment({"SHIGU_POOLED": "1"})
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env=env)
    try:
        yield process
    finally:
        end(process)


def without_mails() -> None:
    """No side sends mails: they wait as they were written, and are compared."""
    KindState.objects.update_or_create(name="notices.deliver", defaults={"parked_at": now()})


def due_soon(shop: World, orders: int, due_in: float, apart: timedelta) -> Batch:
    """Orders due from so many seconds from now on, each next one `apart` later."""
    due = now() + timedelta(seconds=due_in)
    batch = bulk.unpaid(shop, orders, due=due, apart=apart)
    still_ahead(due)
    return batch


def still_ahead(due: datetime) -> None:
    """Whoever is told of orders hears of them before they are due."""
    if now() >= due:
        raise BenchFailed("this machine is too busy: rows were due before all was ready for them")


UNPAID = "SELECT count(*) FROM orders_order WHERE status = 0 AND id BETWEEN %s AND %s"


def until_expired(batch: Batch, *, within: float) -> None:
    """Until the last one is due, and then at most `within` seconds, until none is unpaid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(pay_by) FROM orders_order WHERE id = %s", [batch.last])
        time.sleep(max(0.0, (cursor.fetchone()[0] - now()).total_seconds()))
        give_up = time.monotonic() + within
        while True:
            cursor.execute(UNPAID, [batch.first, batch.last])
            if not (left := cursor.fetchone()[0]):
                return
            if time.monotonic() > give_up:
                raise HandLost(f"{left} orders are unpaid that are {within:.0f} s overdue")
            time.sleep(0.2)


COMMITTED = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(e.xmin) - o.pay_by)::float8 * 1000, e.at < o.pay_by
  FROM orders_order o JOIN orders_orderevent e ON e.order_id = o.id
 WHERE o.id BETWEEN %s AND %s AND e.was = 0
"""


def lateness(side: str, batch: Batch) -> list[float]:
    """Milliseconds of each order."""
    same_rows.expired(side, batch)
    with connection.cursor() as cursor:
        cursor.execute(COMMITTED, [batch.first, batch.last])
        rows = cursor.fetchall()
    if early := [late for late, decided_early in rows if late < 0 or decided_early]:
        raise NotTheSame(f"{side}: {len(early)} orders rang early, by up to {-min(early):.1f} ms")
    return [late for late, _ in rows]
