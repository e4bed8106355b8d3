"""Paddles: a bidder's number 竞买号 in one session, what others see of them.

Drawn by lot among three digits, then among more as those fill up, so that it tells neither how many
came before nor who it is, and nobody waits for a counter. `draw` is the one way to have one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from django.db import connection, transaction

TRIES_OF_A_LENGTH = 4
LENGTHS = range(3, 10)

OWN = "SELECT number FROM auctions_paddle WHERE session_id = %s AND user_id = %s"
TAKE = """
INSERT INTO auctions_paddle (session_id, user_id, number) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING RETURNING number
"""

_lot = random.SystemRandom()


def draw(session_id: int, user_id: int) -> int:
    """The number of this user in this session, drawn now unless there is one; outside any transaction."""
    for candidate in _candidates():
        if (own := _number(OWN, [session_id, user_id])) is not None:
            return own
        with transaction.atomic(durable=True):
            taken = _number(TAKE, [session_id, user_id, candidate])
        if taken is not None:
            return taken
    raise RuntimeError(f"no paddle is left in session {session_id}")


def _candidates() -> Iterator[int]:
    for length in LENGTHS:
        for _ in range(TRIES_OF_A_LENGTH):
            yield _lot.randrange(10 ** (length - 1) + 1, 10**length)


def _number(query: str, values: list[int]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])
