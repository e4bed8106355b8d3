"""What rings when. An app says it in one of three shapes and the clock does the rest.

`@clock.rings` for effects inside the database (exactly once, set-based), `@clock.calls` for the
outside world (at least once, by lease), `@clock.every` for periodic work. `clock.now()` is the one
clock there is, the database's; `clock.hint(...)` says "something is due at once". Importing this
package imports no model, so models may use `clock.due_index`. Drivers call `clock.drain.drain` and
`clock.due.next_due`.
"""

from __future__ import annotations

from shigu.clock.backoff import Backoff
from shigu.clock.errors import Again, ClockError, ShiftRefused, StaleClaim, UnknownKind
from shigu.clock.hints import hint
from shigu.clock.holding import locked
from shigu.clock.kinds import Calls, calls, every, rings
from shigu.clock.tables import HotTable, due_index
from shigu.clock.time import allow_shifting, forbid_shifting, now, offset, shift, shifted

__all__ = [
    "Again",
    "Backoff",
    "Calls",
    "ClockError",
    "HotTable",
    "ShiftRefused",
    "StaleClaim",
    "UnknownKind",
    "allow_shifting",
    "calls",
    "due_index",
    "every",
    "forbid_shifting",
    "hint",
    "locked",
    "now",
    "offset",
    "rings",
    "shift",
    "shifted",
]
