"""A month's accounts read what is of that month, however many years lie before it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shigu.reporting.counting import count

pytestmark = pytest.mark.django_db

INDEXES = ("order_event_time", "transfer_time")
JUNE = (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def plans() -> str:
    """How PostgreSQL answers what the accounts ask, where reading everything is not for nothing."""
    with CaptureQueriesContext(connection) as asked:
        count(*JUNE)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        said = []
        for query in asked.captured_queries:
            cursor.execute("EXPLAIN (FORMAT JSON) " + query["sql"])
            said.append(json.dumps(cursor.fetchone()))
    assert len(said) == len(INDEXES)
    return "".join(said)


def test_both_questions_have_an_index_of_time() -> None:
    """History and transfers are each read by it; without it (the control) there is nothing to read them by."""
    assert all(name in plans() for name in INDEXES)
    with connection.cursor() as cursor:
        for name in INDEXES:
            cursor.execute(f"DROP INDEX {name}")
    assert "Seq Scan" in plans()
    assert not any(name in plans() for name in INDEXES)
