"""What must hold in the rows at every moment: each promise finds whatever breaks it.

An app appends its `Invariant`s to `audits` in its `handlers.py`; `shigu audit` runs them all, and a
test runs one with `offending(invariant)`. Most are SQL; where rows must be thought through one after the
other, `look` does it. Each look is one REPEATABLE READ, READ ONLY transaction, over a range of ids
where the invariant names a table, so a live shop keeps no old snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from django.db import connection, transaction
from django.utils.functional import Promise

Row: TypeAlias = dict[str, object]
Params: TypeAlias = Mapping[str, str | int | None]

RANGE = 100_000


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise: `sql` selects the rows that break it, with columns a person can read; or `look` finds them.

    With `table`, the SQL takes `%(first)s` and `%(last)s`, a range of that table's ids; `look` gets them too.
    """

    number: str
    title: str | Promise
    sql: str = ""
    params: Params = field(default_factory=dict)
    table: str = ""
    look: Callable[[Params], Iterable[Row]] | None = None


audits: list[Invariant] = []


def offending(invariant: Invariant, *, most: int = 20) -> list[Row]:
    """Rows that break it, at most `most` of them; empty means it holds."""
    look = invariant.look or (lambda params: _select(invariant.sql, params))
    found: list[Row] = []
    for params in _ranges(invariant):
        found += _seen(look, {**invariant.params, **params}, most - len(found))
        if len(found) >= most:
            break
    return found


def _ranges(invariant: Invariant) -> Iterator[Mapping[str, int]]:
    """Ranges of ids that hold rows: from each to the next row beyond it, so that a wide gap costs nothing."""
    if not invariant.table:
        yield {}
        return
    table = connection.ops.quote_name(invariant.table)
    [bounds] = _select(f"SELECT min(id) AS first, max(id) AS last FROM {table}", {})
    first, last = bounds["first"], bounds["last"]
    while isinstance(first, int) and isinstance(last, int):
        end = min(first + RANGE - 1, last)
        yield {"first": first, "last": end}
        beyond = f"SELECT min(id) AS id FROM {table} WHERE id > %(end)s"
        first = next(_select(beyond, {"end": end}))["id"] if end < last else None


def _seen(look: Callable[[Params], Iterable[Row]], params: Params, most: int) -> list[Row]:
    outermost = not connection.in_atomic_block
    with transaction.atomic(savepoint=False):
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(islice(look(params), most))


def _select(sql: str, params: Params) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        while rows := cursor.fetchmany(100):
            yield from (dict(zip(names, row, strict=True)) for row in rows)
