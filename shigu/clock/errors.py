"""What the clock says no with.

ClockError
├── Again         the outside has no final answer yet: ask once more, after a while
├── StaleClaim    the row was claimed anew meanwhile: this answer is dropped
├── StillDue      a handler left its row exactly as due as it found it
├── ShiftRefused  this database's clock may not be moved
└── UnknownKind   nothing of this name was declared
"""

from __future__ import annotations

from datetime import timedelta

from shigu.kit.errors import Refusal


class ClockError(Refusal):
    """The clock will not do that."""


class Again(ClockError):
    """Not known yet: to be asked again."""

    def __init__(self, after: timedelta | None = None) -> None:
        """`after` is how long to wait. Without it the kind's backoff decides and it counts as a
        failed try, so that operators see what nobody gets an answer to."""
        super().__init__()
        self.after = after


class StaleClaim(ClockError):
    """The row was claimed again meanwhile; this answer belongs to an earlier claim."""

    @classmethod
    def unless(cls, current: bool) -> None:
        """`StaleClaim.unless(row.tries == tries)`, with the row under its lock."""
        if not current:
            raise cls


class StillDue(ClockError):
    """The handler returned and the row is as due as before: it would ring for ever."""


class ShiftRefused(ClockError):
    """This database's clock may not be moved."""


class UnknownKind(ClockError):
    """There is no kind named %(kind)s."""
