"""The figures of one month, from what is never changed afterwards: orders' events and the ledger's transfers.

`count(since, until)` is the whole of it; a row's instant decides its month, at a boundary the later one.
Takings are whatever came into the house's sales, by whichever way it was paid, and refunds what left it again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from django.db import connection

from shigu.ledger.models import Book, Event, account
from shigu.orders.models import Status

Value: TypeAlias = int | str | datetime

ORDERS = """
SELECT count(*) FILTER (WHERE was IS NULL) AS placed,
       count(*) FILTER (WHERE status = %(paid)s AND was IN (%(unpaid)s, %(cancelled)s, %(expired)s)) AS paid,
       count(*) FILTER (WHERE status = %(expired)s) AS lapsed,
       count(*) FILTER (WHERE status = %(cancelled)s) AS cancelled
  FROM orders_orderevent WHERE at >= %(since)s AND at < %(until)s
"""

MONEY = """
SELECT coalesce(sum(amount) FILTER (WHERE credit = %(sales)s), 0) AS takings,
       coalesce(sum(amount) FILTER (WHERE credit = %(sales)s AND debit & 255 = %(balance)s), 0) AS from_balance,
       coalesce(sum(amount) FILTER (WHERE debit = %(sales)s), 0) AS refunds,
       coalesce(sum(CASE %(forfeited)s WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS forfeits,
       coalesce(sum(amount) FILTER (WHERE kind = %(top_up)s), 0) AS top_ups,
       coalesce(sum(CASE %(issued)s WHEN debit THEN amount WHEN credit THEN -amount END), 0) AS credits_issued,
       coalesce(sum(CASE %(redeemed)s WHEN credit THEN amount WHEN debit THEN -amount END), 0)
         AS credits_redeemed
  FROM ledger_transfer WHERE at >= %(since)s AND at < %(until)s
"""


def count(since: datetime, until: datetime) -> dict[str, int]:
    """Every figure of a `Month`, by its column."""
    span: dict[str, Value] = {"since": since, "until": until}
    orders: dict[str, Value] = {
        name: Status[name.upper()].value for name in ("unpaid", "paid", "cancelled", "expired")
    }
    books: dict[str, Value] = {
        "sales": account(Book.SALES),
        "balance": Book.BALANCE.value,
        "forfeited": account(Book.FORFEITED),
        "top_up": Event.TOP_UP.value,
        "issued": account(Book.ISSUED),
        "redeemed": account(Book.REDEEMED),
    }
    return _asked(ORDERS, span | orders) | _asked(MONEY, span | books)


def _asked(query: str, values: dict[str, Value]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        names = [column.name for column in cursor.description or []]
        return {name: int(value) for name, value in zip(names, cursor.fetchone(), strict=True)}
