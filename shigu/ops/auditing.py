"""The shop's promises checked against its rows, on a live database, without a lock.

`audit()` looks at every invariant that the apps have put into `kit.auditing.audits`, and at the clock:
nothing due is left lying beyond its kind's alarm line (6). Rows that were set aside are no breach;
they are told apart, because somebody must look at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

from django.utils.translation import gettext_lazy as _

from shigu.clock.claiming import shape
from shigu.clock.kinds import Kind, known
from shigu.clock.models import KindState, Quarantine
from shigu.kit.auditing import Invariant, Row, audits, offending

MOST = 20
"""Offending rows shown of one invariant; one more is looked for, to say that there are more."""

LATE = """
SELECT {pk} AS id, {due} AS due_at, shigu_now() - {due} AS overdue_by FROM {table}
 WHERE {among} AND {due} < shigu_now() - make_interval(secs => %(alarm)s) ORDER BY {due}
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant and the rows that break it; empty means it holds."""

    number: str
    title: str
    rows: list[Row]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.rows


def audit() -> Iterator[Finding]:
    """Every invariant in the order of its number, each in a snapshot of its own."""
    for invariant in sorted([*audits, *overdue()], key=lambda one: one.number):
        began = perf_counter()
        rows = offending(invariant, most=MOST + 1)
        yield Finding(invariant.number, str(invariant.title), rows, perf_counter() - began)


def overdue() -> list[Invariant]:
    """Invariant 6, one for each kind of the clock."""
    return [_overdue(kind) for kind in known()]


def _overdue(kind: Kind) -> Invariant:
    found = shape(kind)
    seconds = kind.alarm.total_seconds()
    return Invariant(
        number="6",
        title=_("Nothing of %(kind)s is overdue by more than %(seconds)d s")
        % {"kind": kind.name, "seconds": seconds},
        sql=LATE.format(
            pk=found.pk, due=found.due, table=found.table, among=found.among.replace("%", "%%")
        ),
        params={"alarm": int(seconds)},
    )


def set_aside() -> list[Row]:
    """What the clock could not do and waits for an operator: rows, and kinds that are parked."""
    rows: list[Row] = [
        {"kind": row.kind, "row": row.subject, "tries": row.attempts, "error": row.error[:80]}
        for row in Quarantine.objects.filter(shown=True)[:MOST]
    ]
    parked: list[Row] = [
        {"kind": row.name, "row": "(all)", "tries": "", "error": row.parked_error}
        for row in KindState.objects.filter(parked_at__isnull=False)
    ]
    return rows + parked
