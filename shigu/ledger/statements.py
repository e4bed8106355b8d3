"""Statements: what happened to one account, newest first, and what the house's books stand at.

`statement(account)` is one query however long the account's life is, over two partial indexes; with the
account of held credits named too, a hold is seen to become a spend. `paged` is the page of it that an
address asks for. `house()` sums all transfers: 0.4 s for each million of them on two cores, which a page
that operators open now and then can bear; so there is no checkpoint to keep true.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db import connection

from shigu.ledger.models import HOUSE, Book, Event


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer as its owner sees it: what changed, and what stood after it, in the account's unit.

    `held` and `held_after` are those of the second account; `amount` is 0 where only held ones moved.
    """

    kind: Event
    subject: int
    at: datetime
    note: str
    amount: int
    after: int
    held: int
    held_after: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One page of an account's life, with what stands now and how many entries there are in all."""

    balance: int
    held: int
    count: int
    entries: Sequence[Entry]


# An entry between both accounts stands in two branches: the branches of the held one leave it out.
STATEMENT = f"""
WITH stands AS (
  SELECT coalesce((SELECT balance FROM ledger_account WHERE id = %(own)s), 0) AS balance,
         coalesce((SELECT balance FROM ledger_account WHERE id = %(held)s), 0) AS held,
         (SELECT count(*) FROM ledger_transfer WHERE debit = %(own)s AND debit & {HOUSE} = 0)
       + (SELECT count(*) FROM ledger_transfer WHERE credit = %(own)s AND credit & {HOUSE} = 0)
       + (SELECT count(*) FROM ledger_transfer
           WHERE debit = %(held)s AND debit & {HOUSE} = 0 AND credit <> %(own)s)
       + (SELECT count(*) FROM ledger_transfer
           WHERE credit = %(held)s AND credit & {HOUSE} = 0 AND debit <> %(own)s) AS many
), newest AS (
  (SELECT * FROM ledger_transfer WHERE debit = %(own)s AND debit & {HOUSE} = 0
    ORDER BY id DESC LIMIT %(upto)s)
  UNION ALL
  (SELECT * FROM ledger_transfer WHERE credit = %(own)s AND credit & {HOUSE} = 0
    ORDER BY id DESC LIMIT %(upto)s)
  UNION ALL
  (SELECT * FROM ledger_transfer
    WHERE debit = %(held)s AND debit & {HOUSE} = 0 AND credit <> %(own)s
    ORDER BY id DESC LIMIT %(upto)s)
  UNION ALL
  (SELECT * FROM ledger_transfer
    WHERE credit = %(held)s AND credit & {HOUSE} = 0 AND debit <> %(own)s
    ORDER BY id DESC LIMIT %(upto)s)
), signed AS (
  SELECT id, kind, subject, at, note,
         amount * ((credit = %(own)s)::int - (debit = %(own)s)::int) AS own,
         amount * ((credit = %(held)s)::int - (debit = %(held)s)::int) AS held
    FROM newest ORDER BY id DESC LIMIT %(upto)s
), told AS (
  SELECT *, coalesce(sum(own) OVER later, 0) AS own_later, coalesce(sum(held) OVER later, 0) AS held_later
    FROM signed
  WINDOW later AS (ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT s.balance, s.held, s.many, t.kind, t.subject, t.at, t.note, t.own,
       (s.balance - t.own_later)::bigint, t.held, (s.held - t.held_later)::bigint
  FROM stands s
  LEFT JOIN (SELECT * FROM told ORDER BY id DESC OFFSET %(first)s) t ON true
 ORDER BY t.id DESC
"""
NOBODYS = -1
DIGITS = re.compile(r"[1-9][0-9]{0,5}")
"""The number of a page that may be there."""

HOUSE_SUMS = f"""
WITH pairs AS (
  SELECT CASE WHEN debit & {HOUSE} <> 0 THEN debit END AS debit,
         CASE WHEN credit & {HOUSE} <> 0 THEN credit END AS credit, sum(amount) AS amount
    FROM ledger_transfer GROUP BY 1, 2
)
SELECT book, sum(amount)::bigint
  FROM (SELECT credit, amount FROM pairs UNION ALL SELECT debit, -amount FROM pairs) AS sums(book, amount)
 WHERE book IS NOT NULL GROUP BY book
"""
PEOPLE_SUMS = "SELECT id & 255, sum(balance)::bigint FROM ledger_account GROUP BY 1"


def statement(of: int, *, held_on: int | None = None, first: int = 0, most: int = 10) -> Statement:
    """Entries of account `of`, newest first: `most` of them, after leaving out the `first` newest ones.

    `held_on` is the account where what was held of it stands.
    """
    params = {
        "own": of,
        "held": NOBODYS if held_on is None else held_on,
        "first": first,
        "upto": first + most,
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, params)
        rows = cursor.fetchall()
    balance, held, count = rows[0][:3]
    entries = [Entry(Event(row[3]), *row[4:]) for row in rows if row[3] is not None]
    return Statement(balance, held, count, entries)


def paged(
    of: int, *, held_on: int | None = None, asked: str, size: int
) -> tuple[Statement, Page[int]]:
    """The page that is `asked` for, and where it is among all: junk is the first one, too far the last.

    One query; a second one only where that page is not there.
    """
    number = int(asked) if DIGITS.fullmatch(asked) else 1
    found = statement(of, held_on=held_on, first=(number - 1) * size, most=size)
    page: Page[int] = Paginator(range(found.count), size).get_page(asked)
    if page.number != number:
        found = statement(of, held_on=held_on, first=(page.number - 1) * size, most=size)
    return found, page


def house() -> dict[Book, int]:
    """What each of the house's books stands at, in its unit; above zero is what came in."""
    found = _sums(HOUSE_SUMS)
    return {book: found.get(book, 0) for book in Book if book & HOUSE}


def people() -> dict[Book, int]:
    """What people have in each of their books, all together."""
    found = _sums(PEOPLE_SUMS)
    return {book: found.get(book, 0) for book in Book if not book & HOUSE}


def _sums(sql: str) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return dict(cursor.fetchall())
