"""A copy of all rows in one file, and a shop made from one: PostgreSQL's own pg_dump and pg_restore.

`dump(path)` takes one consistent moment of a running shop and disturbs nobody; `restore(path)` fills an
empty database, whole or not at all. Uploaded pictures are files (`media/` of SHIGU_VAR) and are copied as
such. The programs come with the embedded server; SHIGU_PG_PROGRAMS names a folder with others.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from psycopg.conninfo import make_conninfo

from shigu.kit import postgres

TABLES = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"


class BackupRefused(Exception):
    """It was not done, and nothing was changed; the message says why."""


def dump(path: Path) -> int:
    """Write all rows as they are now into a file for its owner's eyes; how many bytes."""
    if path.exists():
        raise BackupRefused(_("%(file)s exists; a backup is never overwritten.") % {"file": path})
    if not path.parent.is_dir():
        raise BackupRefused(_("There is no folder %(folder)s.") % {"folder": path.parent})
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=0o600, exist_ok=False)
        _run("pg_dump", ["--format=custom", f"--file={part}"])
        # A link, not a rename: of two backups to one name the second is refused, not written over.
        os.link(part, path)
    except FileExistsError as error:
        raise BackupRefused(_("%(file)s exists already.") % {"file": error.filename2}) from error
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def restore(path: Path) -> None:
    """Fill this empty database from a file, in one transaction."""
    if not path.is_file():
        raise BackupRefused(_("There is no file %(file)s.") % {"file": path})
    if has_tables():
        raise BackupRefused(
            _("The database %(name)s is not empty; restore into a new one.")
            % {"name": connection.settings_dict["NAME"]}
        )
    connection.close()
    _run("pg_restore", ["--single-transaction", "--exit-on-error", str(path)])


def has_tables() -> bool:
    """Is there anything in this database?"""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        return bool(cursor.fetchone()[0])


def _run(name: str, options: Sequence[str]) -> None:
    """One of PostgreSQL's programs on the shop's database; the password is in no command line."""
    entry = settings.DATABASES["default"]
    parts = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT"}
    where = make_conninfo(**{key: entry[name] for key, name in parts.items() if entry[name]})
    command = [str(postgres.program(name)), "--no-owner", "--no-privileges", *options]
    secret = {"PGPASSWORD": entry["PASSWORD"]} if entry["PASSWORD"] else {}
    done = subprocess.run(
        [*command, f"--dbname={where}"],
        env=os.environ | secret,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [str(done.returncode)]
        raise BackupRefused(_("%(program)s: %(said)s") % {"program": name, "said": said[0]})
