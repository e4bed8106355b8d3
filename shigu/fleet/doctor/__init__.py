"""What must be right around a shop, looked at piece by piece: `examine()` for `shigu doctor`.

    keys           the secret key; Alipay's, and whether Alipay believes them
    database       version, settings, connections against pools, tables, time
    surroundings   zone data, storage, collected files, mail, broker, Redis
    ringing        who drives the clock, what is parked, set aside or late

Each look gives `Finding`s and changes nothing (a file is written and removed, no mail is sent). A look that
breaks is a finding itself, so one thing that is wrong hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.utils.translation import gettext as _

from shigu.fleet.doctor import database, keys, ringing, surroundings
from shigu.fleet.doctor.finding import Finding, wrong
from shigu.kit.logs import first_line

__all__ = ["Finding", "examine"]

LOOKS: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
    ("keys", keys.look),
    ("database", database.look),
    ("surroundings", surroundings.look),
    ("clock", ringing.look),
]


def examine() -> Iterator[Finding]:
    """All looks, one after the other."""
    for topic, look in LOOKS:
        try:
            yield from look()
        except Exception as error:
            words = _("could not be looked at: %(error)s")
            said = words % {"error": f"{type(error).__name__}: {first_line(error)}"}
            yield wrong(topic, said, _("Put right what that says, then ask again."))
