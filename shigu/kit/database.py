"""What SQL written by hand needs of the driver: `bigints(ids)` as one value, `address()` to connect.

`address` is Django's own database for those who connect by themselves, without its pool. `unhurried()` is a
transaction whose commit waits for no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def bigints(ids: Iterable[int]) -> str:
    """Ids for a `%s::bigint[]`; for hundreds of them ten times cheaper than to have a list adapted."""
    return "{" + ",".join(map(str, ids)) + "}"


@contextmanager
def unhurried() -> Iterator[None]:
    """A transaction for figures alone: should the server's machine die, its last half second may be lost.

    Whoever rings deadlines does not stand still for a disk to have written how late they were.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
        yield


def address(**more: Any) -> str:
    """The connection string; `more` are libpq's own names, over what the settings say."""
    entry = settings.DATABASES["default"]
    parts = {name: entry[key] for name, key in NAMES.items() if entry[key]}
    options = {name: value for name, value in entry["OPTIONS"].items() if name != "pool"}
    return make_conninfo(**{**parts, **options, **more})
