"""What must be true of the ledger at any moment (invariant 3), as queries that return the rows that break it.

That transfers cannot be changed is the database's own affair; that balances follow from them is looked
at here, in ranges. How credits agree with orders is asked where orders are known.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from shigu.kit.auditing import Invariant
from shigu.ledger.models import HOUSE, IN_CREDITS, Book, Event

OWN = "(%(first)s::bigint << 8) AND (%(last)s::bigint << 8 | 255)"
"""The accounts of a range of people: ids of accounts are too sparse to be walked by themselves."""


def _array(books: Iterable[Book]) -> str:
    return "{" + ",".join(str(int(book)) for book in books) + "}"


SUMS = Invariant(
    "3",
    _("an account holds the sum of its transfers"),
    f"""
    SELECT a.id AS account, a.id >> 8 AS user_id, a.id & 255 AS book, a.balance,
           coalesce(t.amount, 0) AS by_transfers
      FROM ledger_account a
      LEFT JOIN (SELECT id, sum(amount) AS amount
                   FROM (SELECT credit, amount FROM ledger_transfer
                          WHERE credit BETWEEN {OWN} AND credit & {HOUSE} = 0
                         UNION ALL
                         SELECT debit, -amount FROM ledger_transfer
                          WHERE debit BETWEEN {OWN} AND debit & {HOUSE} = 0)
                        AS own(id, amount)
                  GROUP BY id) t USING (id)
     WHERE a.id BETWEEN {OWN} AND a.balance <> coalesce(t.amount, 0)
    """,
    table="accounts_user",
)

KNOWN = Invariant(
    "3",
    _("a transfer is between accounts that exist, in one unit"),
    f"""
    SELECT t.id, t.kind, t.subject, t.nth, t.debit, t.credit, t.amount
      FROM ledger_transfer t
     WHERE t.id BETWEEN %(first)s AND %(last)s
       AND (t.amount <= 0 OR t.debit & {IN_CREDITS} <> t.credit & {IN_CREDITS}
            OR NOT CASE WHEN t.debit & {HOUSE} = 0
                        THEN EXISTS (SELECT 1 FROM ledger_account WHERE id = t.debit)
                        ELSE t.debit = ANY(%(house)s::bigint[]) END
            OR NOT CASE WHEN t.credit & {HOUSE} = 0
                        THEN EXISTS (SELECT 1 FROM ledger_account WHERE id = t.credit)
                        ELSE t.credit = ANY(%(house)s::bigint[]) END)
    """,
    params={"house": _array(book for book in Book if book & HOUSE)},
    table="ledger_transfer",
)

# One look at everything: people's balances as kept, the house's as sums.
ZERO = Invariant(
    "3",
    _("the ledger sums to zero in each unit"),
    f"""
    SELECT unit, sum(people) AS people, sum(house) AS house
      FROM (SELECT id & {IN_CREDITS}, balance, 0 FROM ledger_account
            UNION ALL
            SELECT debit & {IN_CREDITS}, 0,
                   amount * ((credit & {HOUSE} <> 0)::int - (debit & {HOUSE} <> 0)::int)
              FROM ledger_transfer) AS sums(unit, people, house)
     GROUP BY unit HAVING sum(people) + sum(house) <> 0
    """,
)

# A deposit's account is the deposit's, which is asked where deposits are known.
BOUNDS = Invariant(
    "3",
    _("no account is below zero, and each is somebody's"),
    """
    SELECT a.id AS account, a.id >> 8 AS user_id, a.id & 255 AS book, a.balance
      FROM ledger_account a LEFT JOIN accounts_user u ON u.id = a.id >> 8
     WHERE a.balance < 0 OR (u.id IS NULL AND a.id & 255 <> %(deposit)s)
        OR a.id & 255 <> ALL(%(books)s::bigint[])
    """,
    params={
        "deposit": Book.DEPOSIT.value,
        "books": _array(book for book in Book if not book & HOUSE),
    },
)

WELCOMED = Invariant(
    "3",
    _("welcome credits went once, to the person they were for"),
    f"""
    SELECT id, subject AS user_id, debit, credit, amount FROM ledger_transfer
     WHERE kind = '{Event.WELCOME.value}' AND subject BETWEEN %(first)s AND %(last)s
       AND (nth <> 0 OR debit <> {Book.ISSUED:d} OR credit <> (subject << 8 | {Book.CREDITS:d}))
    """,
    table="accounts_user",
)

INVARIANTS = (SUMS, KNOWN, ZERO, BOUNDS, WELCOMED)
