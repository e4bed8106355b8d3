"""What SQL written by hand needs of the driver: `bigints(ids)` as one value, `address()` to connect.

`address` is Django's own database for those who connect by themselves, without its pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from psycopg.conninfo import make_conninfo

NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def bigints(ids: Iterable[int]) -> str:
    """Ids for a `%s::bigint[]`; for hundreds of them ten times cheaper than to have a list adapted."""
    return "{" + ",".join(map(str, ids)) + "}"


def address(**more: Any) -> str:
    """The connection string; `more` are libpq's own names, over what the settings say."""
    entry = settings.DATABASES["default"]
    parts = {name: entry[key] for name, key in NAMES.items() if entry[key]}
    options = {name: value for name, value in entry["OPTIONS"].items() if name != "pool"}
    return make_conninfo(**{**parts, **options, **more})
