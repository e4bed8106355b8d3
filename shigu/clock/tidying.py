"""The clock's own housekeeping, rung by itself: figures of yesterday, entries nobody needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from shigu.clock.claiming import run, shape
from shigu.clock.kinds import Every, every, known
from shigu.clock.models import Dispatcher, Lateness, Tally

KEPT = timedelta(days=3)


@every("17 * * * *", name="clock.tidy")
def tidy(*, now: datetime) -> None:
    """Forget old figures, dispatchers long gone, and quarantine of rows that are no more alive."""
    Lateness.objects.filter(minute__lt=now - KEPT).delete()
    Tally.objects.filter(minute__lt=now - KEPT).delete()
    Dispatcher.objects.filter(ticked_at__lt=now - timedelta(days=1)).delete()
    for kind in known():
        if not isinstance(kind, Every):
            s = shape(kind)
            run(
                "DELETE FROM clock_quarantine q WHERE q.kind = %s AND NOT EXISTS"
                f" (SELECT FROM {s.table} WHERE {s.pk} = q.subject AND {s.among}) RETURNING 1",
                [kind.name],
            )
