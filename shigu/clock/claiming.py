"""The SQL by which rows are claimed, and the one by which the next of them is found.

`among` is written out as literals: with a parameter a generic plan cannot use the partial index.
Due is compared with `shigu_now()`, which is stable and so an index condition; never with
`clock_timestamp()`, which would walk the whole index. Claims lock with SKIP LOCKED and never wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from django.core.exceptions import EmptyResultSet, FullResultSet, ImproperlyConfigured
from django.db import connection
from django.db.models import DateTimeField, Field
from psycopg import sql

from shigu.clock.kinds import Kind, Leased


@dataclass(frozen=True, slots=True)
class Claimed:
    """One row in hand: when it was due, and for leased kinds which try this is."""

    pk: int
    due: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """Quoted names of a kind's table and columns, and `among` as SQL with literals."""

    table: str
    pk: str
    due: str
    tries: str
    among: str


@cache
def shape(kind: Kind) -> Shape:
    """How this kind's rows look in SQL."""
    meta = kind.model._meta
    quote = connection.ops.quote_name
    tries = _column(kind, kind.tries).column if isinstance(kind, Leased) else ""
    due = _column(kind, kind.due)
    if not isinstance(due, DateTimeField):
        raise ImproperlyConfigured(f"{kind.name}: {kind.due!r} is no time")
    names = [meta.db_table, _column(kind, "pk").column, due.column, tries]
    table, pk, due_at, tried = (quote(name or "") for name in names)
    return Shape(table, pk, due_at, tried, _among(kind))


def claim(kind: Kind, limit: int, floor: datetime | None = None) -> list[Claimed]:
    """Lock up to `limit` due rows, earliest first, skipping what others hold."""
    query, values = claim_query(kind, limit, floor)
    return [Claimed(*row) for row in run(query, values)]


def claim_query(kind: Kind, limit: int, floor: datetime | None) -> tuple[str, list[Any]]:
    """The claim as it is sent."""
    s = shape(kind)
    above, values = _above(s, floor)
    return (
        f"SELECT {s.pk}, {s.due} FROM {s.table}"
        f" WHERE {s.among} AND {s.due} <= shigu_now(){above}"
        f" ORDER BY {s.due}, {s.pk} LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
        [*values, limit],
    )


def claim_one(kind: Kind, row: Claimed) -> bool:
    """Lock this row if it is still alive, as due as it was, and in nobody's hand."""
    s = shape(kind)
    query = (
        f"SELECT {s.pk} FROM {s.table} WHERE {s.among} AND {s.pk} = %s AND {s.due} = %s"
        " FOR NO KEY UPDATE SKIP LOCKED"
    )
    return bool(run(query, [row.pk, row.due]))


def lease(kind: Leased, limit: int, floor: datetime | None = None) -> list[Claimed]:
    """Claim by pushing due a lease ahead and counting the try; to be committed before the call."""
    query, values = lease_query(kind, limit, floor)
    return sorted((Claimed(*row) for row in run(query, values)), key=lambda row: row.due)


def lease_query(kind: Leased, limit: int, floor: datetime | None) -> tuple[str, list[Any]]:
    """The leasing claim as it is sent; locked in order before it is changed."""
    s = shape(kind)
    inner, values = claim_query(kind, limit, floor)
    return (
        f"WITH hand AS MATERIALIZED ({inner})"
        f" UPDATE {s.table} SET {s.due} = shigu_now() + %s, {s.tries} = {s.table}.{s.tries} + 1"
        f" FROM hand WHERE {s.table}.{s.pk} = hand.{s.pk}"
        f" RETURNING {s.table}.{s.pk}, hand.{s.due}, {s.table}.{s.tries}",
        [*values, kind.lease],
    )


def move(kind: Kind, pk: int, to: datetime, tries: int | None = None) -> bool:
    """Set the due column of one row that is alive (and, if told, still at this try)."""
    s = shape(kind)
    same = f" AND {s.tries} = {int(tries)}" if tries is not None else ""
    query = f"UPDATE {s.table} SET {s.due} = %s WHERE {s.among} AND {s.pk} = %s{same} RETURNING 1"
    return bool(run(query, [to, pk]))


def next_query(kind: Kind, floor: datetime | None) -> tuple[str, list[Any]]:
    """Kind and seconds until its next row is due (below zero: overdue); no row where none waits."""
    s = shape(kind)
    above, values = _above(s, floor)
    return (
        f"(SELECT {_literal(kind.name)}, extract(epoch FROM {s.due} - shigu_clock())::float8"
        f" FROM {s.table} WHERE {s.among} AND {s.due} IS NOT NULL{above}"
        " AND NOT EXISTS (SELECT FROM clock_kindstate"
        f" WHERE name = {_literal(kind.name)} AND parked_at IS NOT NULL)"
        f" ORDER BY {s.due}, {s.pk} LIMIT 1)",
        values,
    )


def run(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """All rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())


def _above(s: Shape, floor: datetime | None) -> tuple[str, list[Any]]:
    # A floor from before the clock was moved back must not hide what is due now.
    if floor is None:
        return "", []
    return f" AND {s.due} >= LEAST(%s, shigu_now() - interval '15 s')", [floor]


def _column(kind: Kind, name: str) -> Field:
    meta = kind.model._meta
    column = meta.pk if name == "pk" else meta.get_field(name)
    if not isinstance(column, Field) or column.model is not meta.concrete_model:
        raise ImproperlyConfigured(f"{kind.name}: {name!r} is no column of the kind's own table")
    return column


def _among(kind: Kind) -> str:
    query = kind.model._base_manager.filter(kind.among).query
    if len(query.alias_map) > 1:
        raise ImproperlyConfigured(f"{kind.name}: `among` looks beyond its own table")
    try:
        text, values = query.get_compiler(connection=connection).compile(query.where)
    except FullResultSet:
        return "true"
    except EmptyResultSet:
        return "false"
    literal: str = text % tuple(_literal(value) for value in values)
    return "(" + literal.replace("%", "%%") + ")"


def _literal(value: Any) -> str:
    connection.ensure_connection()
    return sql.Literal(value).as_string(connection.connection)
