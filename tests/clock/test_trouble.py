"""A database that went away: what the pool keeps idle is let go of with the connection."""

from __future__ import annotations

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from shigu.clock import trouble


@pytest.mark.usefixtures("clone")
def test_what_the_pool_keeps_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """After trouble the next connection is a new one, not an idle one that a restart has cut."""
    ours = connections["default"]
    assert isinstance(ours, DatabaseWrapper)
    pooled = {**ours.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": 2}}
    ours.close()
    monkeypatch.setitem(ours.settings_dict, "OPTIONS", pooled)
    try:
        ours.ensure_connection()
        kept = ours.pool
        assert ours.alias in DatabaseWrapper._connection_pools
        trouble.let_go()
        assert ours.alias not in DatabaseWrapper._connection_pools
        assert kept.closed
    finally:
        trouble.let_go()
