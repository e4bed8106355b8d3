"""Orders by the hundred thousand, written in sets: for benchmarks and for pages under load.

`fill(total)` brings the number of such orders up to `total`, spread over people, products, months and
states, so that every invariant holds; its SQL is `bulk.sql`. Same machine or not, the dice fall alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from shigu.accounts.models import User
from shigu.orders.models import Order

CHUNK = 10_000
MONTHS = 12
KEY = "bulk "
BUYERS = "shopper"
SQL = (Path(__file__).parent / "bulk.sql").read_text(encoding="utf-8")


def fill(total: int, progress: Callable[[int, int], None]) -> int:
    """Add orders until `total` stand; how many were added. `progress` hears done and total."""
    there = Order.objects.filter(key__startswith=KEY).count()
    _invite(max(20, total // 100))
    for done in range(there, total, CHUNK):
        progress(done, total)
        _chunk(min(CHUNK, total - done), seed=done)
    progress(max(total, there), max(total, there))
    _analyze()
    return max(0, total - there)


def _invite(count: int) -> None:
    """Buyers who never sign in: their password is unusable."""
    names = [f"{BUYERS}{number:06d}" for number in range(count)]
    people = [User(username=name, nickname=f"客人{name[-6:]}", password="!") for name in names]
    User.objects.bulk_create(people, ignore_conflicts=True, batch_size=5_000)


def _chunk(count: int, seed: int) -> None:
    operator = User.objects.filter(is_superuser=True).values_list("pk", flat=True).first()
    params: dict[str, str | int | None] = {
        "count": count,
        "months": MONTHS,
        "buyers": f"{BUYERS}%",
        "window": f"{settings.PAY_WINDOW.total_seconds()} seconds",
        "zone": settings.TIME_ZONE,
        "key": KEY,
        "address": "客人 13900000000 上海市 上海市 黄浦区 人民大道 1 号",
        "operator": operator,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT setseed(%s)", [(seed % 1_000_003) / 1_000_003])
        cursor.execute(SQL, params)


def _analyze() -> None:
    """Fresh statistics, so that the first page after a big fill plans well."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ANALYZE")
        cursor.execute("RESET statement_timeout")
