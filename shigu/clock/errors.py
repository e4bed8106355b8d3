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


class ClockError(Exception):
    """Something about the clock."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").partition("\n")[0]


class Again(ClockError):
    """Not known yet: to be asked again.

    `after` is how long to wait; without it the kind's own backoff decides.
    """

    def __init__(self, after: timedelta | None = None) -> None:
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
    """No kind of this name is declared."""
