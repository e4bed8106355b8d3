"""A PostgreSQL for tests, up before Django reads its settings; loaded with `-p tests.postgres`.

Nothing is killed in most tests, so this cluster forgets (fsync off); rooms that kill a database or a
process start a durable one of their own.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

if "DATABASE_URL" not in os.environ:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from shigu.kit import postgres

        var = Path(__file__).resolve().parent.parent / "var"
        os.environ["DATABASE_URL"] = postgres.start(
            var / "test-postgres", settings=postgres.FORGETFUL
        )
os.environ["SHIGU_POOLED"] = "0"
os.environ.setdefault("SHIGU_HOME_KEPT", "0")  # tests change what the home page shows
