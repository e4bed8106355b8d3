"""PostgreSQL: new enough, keeps what it promised, has room for every pool; tables and time are right."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.clock.time import is_shiftable, offset
from shigu.fleet.doctor.finding import Finding, well, wrong
from shigu.kit import migrations
from shigu.kit.logs import first_line

OLDEST = 150_000
MOST_SKEW = 2.0
SPARE = 5
"""Connections for operators and backups."""

MUST_BE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply", "local"),
    "autovacuum": ("on",),
    "track_counts": ("on",),
}
"""Without the first three a crash may take back what buyers were told; without the others it grows slow."""


def look() -> Iterator[Finding]:
    """All of it; when it does not answer there is nothing more to see."""
    try:
        found = _version()
    except DatabaseError as error:
        todo = _("Is DATABASE_URL right, does the server run, may this host connect?")
        yield wrong("database", first_line(error), todo)
        return
    yield found
    yield _settings()
    yield _zone()
    yield _room()
    yield _tables()
    yield _skew()
    yield _shifted()


def _ask(sql: str, *params: str) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[object, ...] = cursor.fetchone() or ()
    return row


def _version() -> Finding:
    number, name = _ask("SELECT current_setting('server_version_num')::int, version()")
    said = str(name).partition(" on ")[0]
    if isinstance(number, int) and number < OLDEST:
        return wrong("database", said, _("Shigu needs PostgreSQL 15 or newer."))
    return well("database", said)


def _settings() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(MUST_BE)]
        )
        is_now: dict[str, str] = dict(cursor.fetchall())
    bad = [f"{name} = {is_now[name]}" for name, good in MUST_BE.items() if is_now[name] not in good]
    if bad:
        todo = _(
            "Turn it on in postgresql.conf and reload: what was promised must outlive a crash."
        )
        return wrong("settings", ", ".join(bad), todo)
    return well("settings", _("commits are kept, tables are vacuumed"))


def _zone() -> Finding:
    zone = settings.TIME_ZONE
    (known,) = _ask("SELECT count(*) FROM pg_timezone_names WHERE name = %s", zone)
    if not known:
        todo = _("Install the server's time zone data (tzdata), or correct SHIGU_ZONE.")
        return wrong("time zone", _("PostgreSQL does not know %(zone)s") % {"zone": zone}, todo)
    return well("time zone", _("PostgreSQL knows %(zone)s") % {"zone": zone})


def _room() -> Finding:
    """Every process may open its whole pool at once; so many must fit."""
    (most, kept) = _ask(
        "SELECT current_setting('max_connections')::int,"
        " current_setting('superuser_reserved_connections')::int"
    )
    assert isinstance(most, int)
    assert isinstance(kept, int)
    each, processes = settings.POOL, settings.PROCESSES
    figures = {
        "each": each,
        "processes": processes,
        "needed": each * processes,
        "room": most - kept,
    }
    said = _("%(processes)d processes × %(each)d = %(needed)d connections, room for %(room)d")
    if each * processes + SPARE > most - kept:
        todo = _(
            "Lower SHIGU_POOL, or raise max_connections; SHIGU_PROCESSES says how many there are."
        )
        return wrong("connections", said % figures, todo)
    return well("connections", said % figures)


def _tables() -> Finding:
    if missing := migrations.missing():
        said = ngettext(
            "%(count)d migration is not applied", "%(count)d migrations are not applied", missing
        )
        return wrong("tables", said % {"count": missing}, _("Apply them: shigu migrate"))
    return well("tables", _("as new as the code"))


def _skew() -> Finding:
    """The middle of question and answer, by our clock, against the database's own."""
    before = time.time()
    (there,) = _ask("SELECT extract(epoch FROM clock_timestamp())::float8")
    after = time.time()
    assert isinstance(there, float)
    skew = there - (before + after) / 2
    said = _("this host and the database differ by %(ms)d ms") % {"ms": round(abs(skew) * 1000)}
    if abs(skew) > MOST_SKEW + (after - before) / 2:
        todo = _(
            "Let both keep time by NTP: sessions and signatures are judged by this host's clock."
        )
        return wrong("time", said, todo)
    return well("time", said)


def _shifted() -> Finding:
    if not is_shiftable():
        return well("time", _("the database reads its own clock"))
    said = _("the clock can be moved, and is by %(offset)s") % {"offset": offset()}
    if settings.PRODUCTION:
        return wrong("time", said, _("Give it back its own: shigu clock real"))
    return well("time", said)
