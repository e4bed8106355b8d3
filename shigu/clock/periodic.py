"""`every`: periodic work, whose next moment is a row claimed by lease.

A missed moment runs once after the downtime, never a pile. A local time that a zone skips runs once
at the next instant, a doubled one once. `next_moment` is the rule; `ensure` makes the rows of what
is declared; `run_now` is the operators' door.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from cronsim import CronSim
from django.db import transaction

from shigu.clock import lateness
from shigu.clock.claiming import Claimed, lease
from shigu.clock.drained import Drained
from shigu.clock.hints import hint
from shigu.clock.kinds import Every, known
from shigu.clock.models import Periodic, Run
from shigu.clock.quarantine import text_of
from shigu.clock.time import now

log = structlog.get_logger(__name__)


def next_moment(expression: str, zone: ZoneInfo, last: datetime, at: datetime) -> datetime:
    """The first moment after both `last` and `at`, UTC.

    Counted on from `last`, so that an hour that comes twice is not met again in its second round.
    """
    start = max(last, at - timedelta(days=1)).astimezone(zone)
    moments = (moment.astimezone(UTC) for moment in CronSim(expression, start))
    return next(moment for moment in moments if moment > at and moment > last)


def ensure() -> None:
    """Every declared `every` has its row, with its present crontab."""
    kinds = {kind.name: kind for kind in known() if isinstance(kind, Every)}
    rows = {row.name: row for row in Periodic.objects.filter(name__in=kinds)}
    for name, kind in kinds.items():
        row = rows.get(name)
        if row is None:
            _create(kind)
        elif (row.expression, row.zone) != (kind.expression, kind.zone.key):
            _reschedule(kind)


def _create(kind: Every) -> None:
    Periodic.objects.bulk_create(
        [Periodic(name=kind.name, **_schedule(kind))], ignore_conflicts=True
    )


def _reschedule(kind: Every) -> None:
    Periodic.objects.filter(name=kind.name).update(**_schedule(kind))
    log.info("clock.rescheduled", kind=kind.name, expression=kind.expression)


def _schedule(kind: Every) -> dict[str, object]:
    at = now()
    moment = next_moment(kind.expression, kind.zone, at, at)
    return {
        "expression": kind.expression,
        "zone": kind.zone.key,
        "moment": moment,
        "due_at": moment,
    }


def drain_every(kind: Every) -> Drained:
    """Run it if its moment has come; no transaction is open meanwhile."""
    total = Drained(kind.name, finished=True)
    with transaction.atomic(durable=True):
        begun = [(row, _begin(row)) for row in lease(kind, 1)]
    for row, run in begun:
        total.add(_run(kind, row, run))
        lateness.count(total)
    return total


def _begin(row: Claimed) -> Run:
    at = now()
    Periodic.objects.filter(pk=row.pk).update(started_at=at)
    return Run.objects.create(work_id=row.pk, started_at=at)


def _run(kind: Every, row: Claimed, run: Run) -> Drained:
    step = Drained(kind.name, claimed=1, batches=1, finished=True)
    try:
        run.changed = kind.handler(now=now())
    except Exception as error:
        run.error = text_of(error)
        log.error("clock.periodic_failed", kind=kind.name, error=run.error)
        _failed(kind, row, run)
        step.failed = 1
    else:
        _ended(kind, row, run)
        step.affected = 1
    return step


def _ended(kind: Every, row: Claimed, run: Run) -> None:
    with transaction.atomic():
        at = _close(run)
        for entry in _mine(row):
            entry.moment = next_moment(kind.expression, kind.zone, min(entry.moment, at), at)
            entry.due_at, entry.ended_at, entry.error, entry.tries = entry.moment, at, "", 0
            entry.took, entry.changed = at - run.started_at, run.changed
            entry.save()
            lateness.observe(kind.name, [at - row.due])


def _failed(kind: Every, row: Claimed, run: Run) -> None:
    with transaction.atomic():
        at = _close(run)
        for entry in _mine(row):
            entry.error, entry.took, entry.changed = run.error, at - run.started_at, None
            entry.due_at = at + kind.retry.after(row.tries)
            entry.save()


def _close(run: Run) -> datetime:
    """Its own row is written whoever has taken over since; the moment of its end."""
    run.ended_at = now()
    run.save(update_fields=["ended_at", "changed", "error"])
    return run.ended_at


def _mine(row: Claimed) -> list[Periodic]:
    """The row under its lock, if it is still at this try."""
    rows = Periodic.objects.select_for_update(no_key=True)
    return list(rows.filter(pk=row.pk, tries=row.tries))


def run_now(name: str) -> None:
    """An operator wants it now; its next regular moment stays."""
    Periodic.objects.filter(name=name).update(due_at=now())
    hint(name)
