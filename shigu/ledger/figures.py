"""Amounts of the ledger as people read them: `figure(book, amount)` is `1,250` credits or `¥12.50`."""

from __future__ import annotations

from shigu.kit.money import shown
from shigu.ledger.models import IN_CREDITS, Book


def is_in_credits(book: Book) -> bool:
    """Does this book count credits, not fen?"""
    return bool(book & IN_CREDITS)


def figure(book: Book, amount: int) -> str:
    """An amount in the unit of its book."""
    if not is_in_credits(book):
        return shown(amount)
    return f"{'−' if amount < 0 else ''}{abs(amount):,}"
