"""Proof that claims stay cheap: each kind's claim, EXPLAINed as it is sent, walks its due index.

`assert_claims_use_index()` is for the project's tests. Tables there are small, so scanning and
sorting are switched off; a claim whose `among` no index carries fails all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from shigu.clock.claiming import claim_query, lease_query, next_query, run, shape
from shigu.clock.kinds import Every, Kind, Leased, known
from shigu.clock.time import now


def assert_claims_use_index(*kinds: Kind) -> None:
    """Every kind's claim has its due column as an index condition, with a floor and without."""
    wrong = [problem for kind in kinds or known() for problem in problems(kind)]
    if wrong:
        raise AssertionError("\n".join(wrong))


def problems(kind: Kind) -> list[str]:
    """What is wrong with the plans of one kind; empty where all is well."""
    if isinstance(kind, Every):
        return []  # a handful of rows
    make = lease_query if isinstance(kind, Leased) else claim_query
    plans = [
        plan(*make(kind, 500, None)),  # type: ignore[arg-type]
        plan(*make(kind, 500, now())),  # type: ignore[arg-type]
        plan(*next_query(kind, now())),
    ]
    return [
        f"{kind.name}: no index condition on {shape(kind).due}: {json.dumps(found)}"
        for found in plans
        if not _walks_due(kind, found)
    ]


def plan(query: str, values: list[Any]) -> dict[str, Any]:
    """PostgreSQL's plan for a statement, with scanning and sorting discouraged."""
    with transaction.atomic(), connection.cursor() as cursor:
        for what in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            cursor.execute(f"SET LOCAL enable_{what} = off")
        [[found]] = run("EXPLAIN (FORMAT JSON) " + query, values)
        transaction.set_rollback(True)
    node: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return node


def _walks_due(kind: Kind, found: dict[str, Any]) -> bool:
    nodes = list(_nodes(found))
    table, due = shape(kind).table.strip('"'), shape(kind).due.strip('"')
    walked = any(
        node.get("Relation Name") == table and due in node.get("Index Cond", "") for node in nodes
    )
    return walked and not any("Sort" in node["Node Type"] for node in nodes)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)
