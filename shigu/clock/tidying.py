"""The clock's own housekeeping, rung by itself: figures of yesterday, entries nobody needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shigu.clock.claiming import run, shape
from shigu.clock.kinds import Every, every, known
from shigu.clock.models import Dispatcher, Run

KEPT = timedelta(days=3)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""The minute that stands for all old ones: their sums are kept, so that counters never go back."""

_FOLD_LATENESS = """
WITH old AS (
  DELETE FROM clock_lateness WHERE minute > %s AND minute < %s RETURNING kind, bucket, rows)
INSERT INTO clock_lateness (kind, minute, bucket, rows)
SELECT kind, %s, bucket, sum(rows) FROM old GROUP BY kind, bucket
    ON CONFLICT (kind, minute, bucket) DO UPDATE SET rows = clock_lateness.rows + excluded.rows
RETURNING 1
"""

_FOLD_TALLY = """
WITH old AS (
  DELETE FROM clock_tally WHERE minute > %s AND minute < %s
  RETURNING kind, claimed, affected, failed, batches)
INSERT INTO clock_tally AS t (kind, minute, claimed, affected, failed, batches)
SELECT kind, %s, sum(claimed), sum(affected), sum(failed), sum(batches) FROM old GROUP BY kind
    ON CONFLICT (kind, minute) DO UPDATE SET claimed = t.claimed + excluded.claimed,
       affected = t.affected + excluded.affected, failed = t.failed + excluded.failed,
       batches = t.batches + excluded.batches
RETURNING 1
"""


@every("17 * * * *", name="clock.tidy", title=_("Old figures and runs of the clock"))
def tidy(*, now: datetime) -> None:
    """Fold old figures together; forget runs and dispatchers long gone, quarantine of rows no more alive."""
    run(_FOLD_LATENESS, [BEGINNING, now - KEPT, BEGINNING])
    run(_FOLD_TALLY, [BEGINNING, now - KEPT, BEGINNING])
    Run.objects.filter(started_at__lt=now - settings.PERIODIC_RUNS_KEPT).delete()
    Dispatcher.objects.filter(ticked_at__lt=now - timedelta(days=1)).delete()
    for kind in known():
        if not isinstance(kind, Every):
            s = shape(kind)
            run(
                "DELETE FROM clock_quarantine q WHERE q.kind = %s AND NOT EXISTS"
                f" (SELECT FROM {s.table} WHERE {s.pk} = q.subject AND {s.among}) RETURNING 1",
                [kind.name],
            )
