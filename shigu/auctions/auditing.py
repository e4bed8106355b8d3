"""Invariant 7: every lot's log, replayed by a model of its own, says what the lot says; and so do its rows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from shigu.auctions.replaying import Entry, Move, Stands, differences
from shigu.kit.auditing import Invariant, Params, Row

LOTS = """
SELECT b.lot_id, b.state, b.opens_at, b.closes_at, b.price, b.leader_id, b.maximum, b.bids, b.decisions,
       b.extensions, b.decided_at, b.ended_at, b.hammer, l.start_price, l.steps, l.reserve,
       s.soft_window, s.soft_extension, s.most_extensions, s.wild_steps
  FROM auctions_bidding b JOIN auctions_lot l ON l.id = b.lot_id
  JOIN auctions_session s ON s.id = l.session_id
 WHERE b.lot_id BETWEEN %(first)s AND %(last)s ORDER BY b.lot_id
"""

BIDS = """
SELECT b.lot_id, b.n, b.at, b.bidder_id, b.amount, b.maximum, b.confirmed, b.verdict, b.least, b.price,
       b.leader_id, b.met_end, b.closes_at,
       EXISTS (SELECT FROM auctions_paddle p WHERE p.session_id = l.session_id AND p.user_id = b.bidder_id)
  FROM auctions_bid b LEFT JOIN auctions_lot l ON l.id = b.lot_id
 WHERE b.lot_id BETWEEN %(first)s AND %(last)s ORDER BY b.lot_id, b.n
"""

MOVES = """
SELECT lot_id, after, met_end, closes_at FROM auctions_extension
 WHERE lot_id BETWEEN %(first)s AND %(last)s ORDER BY lot_id, id
"""

AT_ONCE = 5000


def replay(params: Params) -> Iterator[Row]:
    """The first difference of each lot in a range of ids; decisions of lots that have no row, too."""
    lots = {row[0]: _stands(row) for row in _rows(LOTS, params)}
    moves: defaultdict[int, list[Move]] = defaultdict(list)
    for row in _rows(MOVES, params):
        moves[row[0]].append(Move(*row))
    for lot_id, entries in groupby(map(Entry._make, _rows(BIDS, params)), lambda one: one.lot):
        if lot := lots.pop(lot_id, None):
            yield from differences(lot, entries, moves[lot_id])
        else:
            yield {"lot": lot_id, "n": None, "what": "lot", "found": None, "expected": lot_id}
    for lot in lots.values():
        yield from differences(lot, (), moves[lot.lot])


def _stands(row: tuple[Any, ...]) -> Stands:
    steps = 14
    fields = (*row[:steps], json.loads(row[steps]), *row[steps + 1 :])
    return Stands(*fields)


def _rows(query: str, params: Params) -> Iterator[tuple[Any, ...]]:
    """Row by row from the server: a hot lot's log need not fit into memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, params)
        while rows := cursor.fetchmany(AT_ONCE):
            yield from rows


INVARIANTS = [
    Invariant(
        number="7",
        title=_(
            "every lot's log, replayed, gives its verdicts, prices, ends, numbers and its winner"
        ),
        look=replay,
        table="auctions_lot",
    ),
    Invariant(
        number="7",
        title=_("who bid on a lot had a deposit for it that was paid and not decided"),
        sql="""
        SELECT b.lot_id, b.n, b.bidder_id, b.at, b.verdict
          FROM auctions_bid b JOIN auctions_lot l ON l.id = b.lot_id
          JOIN auctions_session s ON s.id = l.session_id
         WHERE b.lot_id BETWEEN %(first)s AND %(last)s AND b.verdict IN ('accepted', 'raised')
           AND coalesce(nullif(l.deposit, 0), s.deposit) > 0
           AND NOT EXISTS (SELECT FROM auctions_deposit d
                            WHERE d.user_id = b.bidder_id AND d.session_id = l.session_id
                              AND (d.lot_id = l.id OR d.lot_id IS NULL)
                              AND d.paid_at <= b.at AND (d.ended_at IS NULL OR d.ended_at >= b.at))
        """,
        table="auctions_lot",
    ),
]
