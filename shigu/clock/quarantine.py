"""Rows that fail alone are set aside, kinds in which too many do are parked.

`set_aside` moves the due column to the next try (so the head of the index stays clean) and keeps
the original; a later success `release`s it. `try_again` and `unpark` are the operators' doors. More
than eight failing rows of one class of error park the kind: a hundred thousand bad rows must not
cost two hundred thousand calls.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import structlog
from django.db import transaction

from shigu.clock.backoff import Backoff
from shigu.clock.claiming import Claimed, move, run
from shigu.clock.errors import UnknownKind
from shigu.clock.hints import hint
from shigu.clock.kinds import Calls, Kind, find
from shigu.clock.models import KindState, Quarantine
from shigu.clock.time import now
from shigu.kit.database import bigints

log = structlog.get_logger(__name__)

BACKOFF = Backoff(first=timedelta(seconds=30), factor=2, most=timedelta(hours=1))
TOO_MANY = 8

CLAIMED = """
SELECT shigu_clock(), q.subject, q.due_at
  FROM (VALUES (1)) AS once LEFT JOIN clock_quarantine q ON q.kind = %s AND q.subject = ANY(%s::bigint[])
"""


def set_aside(kind: Kind, row: Claimed, error: Exception, *, backoff: Backoff = BACKOFF) -> None:
    """Count a failure of a row that is locked by this transaction; it is tried again later."""
    at = now()
    entry, _ = Quarantine.objects.select_for_update(no_key=True).get_or_create(
        kind=kind.name,
        subject=row.pk,
        defaults={"due_at": row.due, "try_at": at, "failed_at": at, "shown": False},
    )
    entry.attempts += 1
    entry.error_class, entry.error = class_of(error), text_of(error)
    entry.failed_at, entry.try_at = at, at + backoff.after(entry.attempts)
    entry.shown = not isinstance(kind, Calls) or entry.attempts >= kind.shown_after
    entry.save()
    move(kind, row.pk, entry.try_at)
    log.warning(
        "clock.set_aside", kind=kind.name, row=row.pk, attempts=entry.attempts, error=entry.error
    )


def claimed(kind: Kind, pks: Iterable[int]) -> tuple[datetime, dict[int, datetime]]:
    """The moment, and when those of these rows that had been set aside were due in the first place.

    They are locked, and an entry is only written by whoever holds its row: this stays true until commit.
    """
    rows = run(CLAIMED, [kind.name, bigints(pks)])
    return rows[0][0].astimezone(UTC), {pk: due for _, pk, due in rows if pk is not None}


def release(
    kind: Kind, pks: Sequence[int], had: Mapping[int, datetime] | None = None
) -> dict[int, datetime]:
    """These went well; returns when those that had been set aside were due in the first place.

    Who has looked already (`claimed`) hands over what it `had` found.
    """
    known = claimed(kind, pks)[1] if had is None else had
    originals = {pk: known[pk] for pk in pks if pk in known} if known else {}
    if originals:
        Quarantine.objects.filter(kind=kind.name, subject__in=originals).delete()
    return originals


def is_parked(kind: Kind) -> bool:
    return KindState.objects.filter(name=kind.name, parked_at__isnull=False).exists()


def park(kind: Kind, error_class: str) -> None:
    """Ring nothing of this kind until an operator says so, and alarm."""
    KindState.objects.update_or_create(
        name=kind.name, defaults={"parked_at": now(), "parked_error": error_class}
    )
    log.error("clock.parked", kind=kind.name, error=error_class)


def unpark(name: str) -> None:
    """An operator lets a kind ring again; what it had set aside is tried with it, at once."""
    with transaction.atomic():
        KindState.objects.filter(name=name).update(
            parked_at=None, parked_error="", unparked_at=now()
        )
        try_again(Quarantine.objects.filter(kind=name).values_list("pk", flat=True))
        hint(name)


def try_again(entries: Iterable[int]) -> int:
    """An operator wants these rows tried at once; how many of them still are to be tried."""
    moved = 0
    with transaction.atomic():
        # The row before its entry: the order in which a failing batch takes them, too.
        for entry in Quarantine.objects.filter(pk__in=list(entries)).order_by("kind", "subject"):
            moved += _try_now(entry)
    return moved


def _try_now(entry: Quarantine) -> bool:
    try:
        kind = find(entry.kind)
    except UnknownKind:
        return False
    at = now()
    alive = move(kind, entry.subject, at)
    Quarantine.objects.filter(pk=entry.pk).update(try_at=at)
    hint(kind)
    return alive


class Enough:
    """Counts distinct failing rows by class of error, those already set aside included."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.failed: list[tuple[Claimed, Exception]] = []
        self.parked_for = ""
        self._rows: dict[str, set[int]] = {}

    def __call__(self, row: Claimed, error: Exception) -> bool:
        """One more row failed alone; True when the kind is to be parked."""
        self.failed.append((row, error))
        name = class_of(error)
        rows = self._rows.setdefault(name, _failing(self.kind, name))
        rows.add(row.pk)
        if len(rows) > TOO_MANY:
            self.parked_for = name
        return bool(self.parked_for)

    def settle(self) -> None:
        """Set aside what failed, in the transaction that holds it; park where it was too much."""
        for row, error in self.failed:
            set_aside(self.kind, row, error)
        if self.parked_for:
            park(self.kind, self.parked_for)


def _failing(kind: Kind, error_class: str) -> set[int]:
    """Rows that failed so since the kind was last set going again."""
    entries = Quarantine.objects.filter(kind=kind.name, error_class=error_class)
    state = KindState.objects.filter(name=kind.name, unparked_at__isnull=False).first()
    if state:
        entries = entries.filter(failed_at__gt=state.unparked_at)
    return set(entries.values_list("subject", flat=True))


def class_of(error: Exception) -> str:
    """The error's class; PostgreSQL's own name for it where Django wrapped that."""
    cause = error.__cause__
    kind = type(cause if isinstance(cause, psycopg.Error) else error)
    return f"{kind.__module__}.{kind.__qualname__}"[:200]


def text_of(error: Exception) -> str:
    """What operators read: the error and where it was raised; never what was in its variables."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error).strip()[:2000]}{where}"
