"""A PostgreSQL for tests, up before Django reads its settings; loaded with `-p tests.postgres`.

`bin/test` names the cluster of its run; tests run by hand share one that stays.
"""

from __future__ import annotations

import os

from tests import cluster

if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = cluster.start(cluster.VAR / "test-postgres")
os.environ["SHIGU_POOLED"] = "0"
os.environ.setdefault("SHIGU_HOME_KEPT", "0")  # tests change what the home page shows
