"""News of lots: whoever changes what a lot's page shows says `changed(lot_ids)`, listeners hear it on commit.

A listener is a hint, like every message here: it may be lost or doubled, the rows are the truth. What a
listener raises is logged and harms nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.db import transaction

Listener = Callable[[Collection[int]], None]

listeners: list[Listener] = []


def changed(lot_ids: Collection[int]) -> None:
    """Tell every listener, once this transaction is committed."""
    for listener in listeners:
        transaction.on_commit(lambda hear=listener: hear(lot_ids), robust=True)  # type: ignore[misc]
