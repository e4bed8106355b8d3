"""Somebody's statement as operators read it: `told(account, name, page)`, a page of it at a time.

The same query as the person's own page, with the ids that an operator follows.
"""

from __future__ import annotations

from typing import Any

from shigu.ledger.figures import figure
from shigu.ledger.models import Account, Book, account
from shigu.ledger.statements import Entry, paged

SIZE = 50


def told(row: Account, name: str, page: str) -> dict[str, Any]:
    """What the page shows; a page that is not there is the last one, junk the first."""
    book = row.book
    held_on = account(Book.CREDITS_HELD, row.owner) if book == Book.CREDITS else None
    found, there = paged(row.pk, held_on=held_on, asked=page, size=SIZE)
    return {
        "whose": f"{name} · {book.label}",
        "account_id": row.pk,
        "stands_at": figure(book, found.balance),
        "held": "" if held_on is None else figure(book, found.held),
        "rows": [_row(book, entry) for entry in found.entries],
        "page": there,
    }


def _row(book: Book, entry: Entry) -> dict[str, Any]:
    plus = "+" if entry.amount > 0 else ""
    return {
        "at": entry.at,
        "event": entry.kind.label,
        "about": entry.subject,
        "amount": plus + figure(book, entry.amount),
        "after": figure(book, entry.after),
        "held": figure(book, entry.held_after),
        "note": entry.note,
    }
