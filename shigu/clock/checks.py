"""What must hold before the clock may run, as system checks.

E001 a production shop allows moving its clock · E002 the database of one still adds an offset ·
E003 a `calls` kind has nobody who records.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import Error as DatabaseError

from shigu.clock.kinds import Calls, known
from shigu.clock.time import is_shiftable


@register()
def clock_stands_still(**_: object) -> list[CheckMessage]:
    """Production settings refuse a clock that may be moved."""
    if settings.PRODUCTION and settings.CLOCK_MAY_SHIFT:
        return [Error("SHIGU_CLOCK_MAY_SHIFT has no place in production.", id="clock.E001")]
    return []


@register(Tags.database)
def database_clock_is_real(
    databases: Sequence[str] | None = None, **_: object
) -> list[CheckMessage]:
    """A production database reads its own clock and nothing else."""
    if not (settings.PRODUCTION and databases):
        return []
    try:
        moved = is_shiftable()
    except DatabaseError:  # not reachable: the other checks say so
        return []
    hint = "Was it a demo's? `shigu clock real` gives it back its own clock."
    return (
        [Error("This database's clock can be moved.", hint=hint, id="clock.E002")] if moved else []
    )


@register()
def answers_are_recorded(**_: object) -> list[CheckMessage]:
    """Whoever calls the outside also writes the answer down."""
    return [
        Error(f"{kind.name}: decorate a recorder with its `.records`.", id="clock.E003")
        for kind in known()
        if isinstance(kind, Calls) and kind.record is None
    ]
