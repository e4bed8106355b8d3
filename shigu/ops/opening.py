"""Before a shop opens its doors: tables, a clock that may be moved, a catalogue, files for browsers.

Each step is a function of its own, returns what it found in a few words, and may be repeated; the demo
takes them all in order, `shigu serve` only looks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.core.management import call_command
from django.db import connections

from shigu import clock
from shigu.clock.models import Dispatcher
from shigu.kit import migrations
from shigu.ops.seeding.run import seed
from shigu.payments.models import Attempt, State


def make_tables() -> str:
    """Apply what is missing."""
    if not (missing := migrations.missing()):
        return "up to date"
    call_command("migrate", verbosity=0, interactive=False)
    return f"{missing} migrations applied"


def let_time_be_moved() -> str:
    """Give this database a clock that the demo may move; how far it was moved already."""
    clock.allow_shifting()
    moved = clock.offset()
    return f"moved by {moved}" if moved else "true, may be moved"


def seconds_moved() -> float:
    """How far the clock was moved."""
    try:
        return clock.offset().total_seconds()
    finally:
        connections.close_all()


def fill_shelves() -> str:
    """Seed, once."""
    new = seed()
    return (
        f"{new.products} products, {new.orders} orders"
        if new.products or new.orders
        else "as it was"
    )


def collect_files() -> str:
    """Styles, scripts and pictures with names that never change their content."""
    call_command("collectstatic", verbosity=0, interactive=False)
    return "collected"


def next_tick() -> Callable[[], bool]:
    """Asks whether a dispatcher has shown itself since now."""
    began = clock.now()

    def ask() -> bool:
        try:
            return Dispatcher.objects.filter(ticked_at__gt=began).exists()
        finally:
            connections.close_all()

    return ask


def paid_attempts() -> list[dict[str, object]]:
    """Payments that the shop knows, for a simulator that has not heard of them."""
    month_ago = clock.now() - timedelta(days=89)
    rows = Attempt.objects.filter(provider="alipay", state=State.PAID, paid_at__gt=month_ago)
    return [
        {
            "out_trade_no": row.out_trade_no,
            "trade_no": row.trade_no,
            "fen": row.amount,
            "subject": row.title,
            "paid_at": row.paid_at.timestamp() if row.paid_at else None,
        }
        for row in rows.order_by("-pk")[:500]
    ]
