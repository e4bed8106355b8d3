"""The clock as operators should see it: somebody drives it, nothing is parked, set aside or late."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from shigu.clock import status
from shigu.clock.status import KindStatus
from shigu.fleet.doctor.finding import Finding, well, wrong

LONGEST_SILENCE = 90.0
"""Seconds; a scheduler shows itself at least once a minute."""


def look() -> Iterator[Finding]:
    """Dispatchers, then kinds."""
    yield _dispatchers()
    kinds = status.kinds()
    bad = [finding for kind in kinds for finding in _kind(kind)]
    yield from bad or [well("clock", _("%(count)d kinds ring on time") % {"count": len(kinds)})]


def _dispatchers() -> Finding:
    ticking = [row for row in status.dispatchers() if row["age"] <= LONGEST_SILENCE]
    if not ticking:
        todo = _("Start one: shigu clock run, or celery beat and workers.")
        return wrong("clock", _("nobody drives it"), todo)
    names = ", ".join(sorted(str(row["name"]) for row in ticking))
    return well("clock", _("driven by %(names)s") % {"names": names})


def _kind(kind: KindStatus) -> Iterator[Finding]:
    name = {"kind": kind.kind}
    if kind.parked_at:
        said = _("%(kind)s is parked: %(error)s") % {**name, "error": kind.parked_error}
        todo = _("Put right what failed, then: shigu clock unpark %(kind)s") % name
        yield wrong("clock", said, todo)
    elif kind.alarm:
        said = _("%(kind)s is late, its oldest row by %(seconds)d s")
        said %= {**name, "seconds": kind.oldest_overdue or 0}
        yield wrong("clock", said, _("Do enough workers run? See: shigu clock status"))
    if kind.set_aside:
        said = _("%(kind)s: %(count)d rows are set aside") % {**name, "count": kind.set_aside}
        yield wrong("clock", said, _("See why in the back office, under Clock, Set aside."))
