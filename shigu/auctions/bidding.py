"""Bidding: the offers that wait for one lot become numbered decisions, in one transaction.

`auctions.committing.bid` is the door; it gathers them. Everything the database is asked stands here, in
three messages: lock and look, write, commit. What is looked at is asked after the locks are held, each
in a statement of its own, and the clock among it: a transaction that stood still across the end of a lot
reads a time after the end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from shigu.auctions import news
from shigu.auctions.deciding import Answer, Decision, Locked, Offer, decide_all
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.house import OF_THE_HOUSE
from shigu.auctions.models import LotState, Verdict
from shigu.auctions.relisting import DEFAULTERS
from shigu.auctions.rules import Rules, Standing
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen

PATIENCE = "SET LOCAL lock_timeout = '2s'"
"""Nobody waits longer for a lot; who does not get it is told to come back."""

LOCK = """
SELECT session_id, state, decisions, decided_at,
       opens_at, closes_at, price, leader_id, maximum, extensions
  FROM auctions_bidding WHERE lot_id = %(lot)s FOR NO KEY UPDATE
"""

# Which session a lot belongs to never changes, so it may be read in a statement that waits.
ADMITTED = """
SELECT user_id FROM auctions_deposit
 WHERE user_id = ANY(%(bidders)s::bigint[]) AND state = 1 AND (lot_id = %(lot)s OR lot_id IS NULL)
   AND session_id = (SELECT session_id FROM auctions_bidding WHERE lot_id = %(lot)s)
 ORDER BY id FOR SHARE
"""

RULES = """
SELECT shigu_clock(), coalesce(nullif(l.deposit, 0), s.deposit), s.soft_window, s.soft_extension,
       l.start_price, l.steps, l.reserve, s.most_extensions, s.wild_steps
  FROM auctions_lot l JOIN auctions_session s ON s.id = l.session_id WHERE l.id = %(lot)s
"""

BIDDERS = """
SELECT u.id,
       EXISTS (SELECT FROM auctions_paddle p WHERE p.session_id = s.id AND p.user_id = u.id),
       EXISTS (SELECT FROM auctions_ban b
                WHERE b.user_id = u.id AND b.lifted_at IS NULL AND b.until > shigu_clock())
         OR (l.relisted_from_id IS NOT NULL AND u.id IN ({defaulters})),
       {house}
  FROM auctions_lot l JOIN auctions_session s ON s.id = l.session_id
  JOIN accounts_user u ON u.id = ANY(%(bidders)s::bigint[]) WHERE l.id = %(lot)s
""".replace("{defaulters}", DEFAULTERS).replace("{house}", OF_THE_HOUSE)

REPEATS = """
SELECT b.bidder_id, b.key, b.amount, b.maximum, b.confirmed, b.n, b.at, b.verdict, b.least, b.price,
       b.leader_id, b.met_end, b.closes_at
  FROM unnest(%(bidders)s::bigint[], %(keys)s::text[]) AS k(bidder_id, key)
  JOIN auctions_bid b ON b.lot_id = %(lot)s AND b.bidder_id = k.bidder_id AND b.key = k.key
"""

WRITE = """
WITH log AS (
  INSERT INTO auctions_bid (lot_id, n, at, bidder_id, key, amount, maximum, confirmed, verdict, least,
                            price, leader_id, met_end, closes_at)
  SELECT %(lot)s, n, %(at)s, bidder_id, key, amount, maximum, confirmed, verdict, least, price,
         leader_id, met_end, closes_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(
           n int, bidder_id bigint, key text, amount bigint, maximum bigint, confirmed boolean,
           verdict text, least bigint, price bigint, leader_id bigint, met_end timestamptz,
           closes_at timestamptz)
), announced AS (
  INSERT INTO auctions_announcement AS a (lot_id, outbid_at, told, round)
  SELECT %(lot)s, %(at)s + interval '1 s', %(before)s, 0 WHERE %(outbid)s
      ON CONFLICT (lot_id) DO UPDATE SET outbid_at = excluded.outbid_at WHERE a.outbid_at IS NULL
)
UPDATE auctions_bidding
   SET price = %(price)s, leader_id = %(leader)s, maximum = %(maximum)s, bids = bids + %(bids)s,
       decisions = %(decisions)s, extensions = %(extensions)s, version = version + %(seen)s,
       decided_at = %(at)s, closes_at = %(closes_at)s, due_at = %(closes_at)s
 WHERE lot_id = %(lot)s
"""


def decide_many(offers: Sequence[Offer]) -> list[Answer]:
    """Decide all of these, which are for one lot, in one transaction; one answer each, in the order given.

    1. Lock the lot, then, shared, the deposits that admit its bidders.
    2. Read the clock, the lot's rules, what is known of the bidders, and keys that were decided before.
    3. Decide one after the other; a bidder without a number in the session is sent to draw one.
    4. Write the numbered decisions and how the lot stands after them.
    5. Commit, and tell who listens where a page shows something new.
    """
    with transaction.atomic(durable=True):
        lot = _locked(offers)
        reached("auctions.bid.locked")
        before = lot.standing
        answers = decide_all(lot, offers)
        reached("auctions.bid.decided")
        if lot.fresh:
            _write(lot, before)
        reached("auctions.bid.written")
    return answers


def _locked(offers: Sequence[Offer]) -> Locked:
    found = _ask(offers)
    if not found[LOCK] or found[LOCK][0][1] == LotState.DRAFT:
        raise NoSuchLot
    [(session_id, state, decisions, decided_at, *standing)] = found[LOCK]
    [(now, due, *rules)] = found[RULES]
    lot = Locked(
        lot_id=offers[0].lot_id,
        session_id=session_id,
        at=_not_before(now, decided_at),
        state=LotState(state),
        rules=_rules(*rules),
        standing=Standing(state <= LotState.LIVE, *standing),
        due=due,
        decisions=decisions,
        admitted={user for (user,) in found[ADMITTED]},
        numbered={user for user, numbered, _, _ in found[BIDDERS] if numbered},
        banned={user for user, _, banned, _ in found[BIDDERS] if banned},
        own={user for user, _, _, own in found[BIDDERS] if own},
        decided={},
    )
    lot.decided = {(row[0], row[1]): _repeated(lot, row) for row in found[REPEATS]}
    return lot


def _rules(
    window: int, extension: int, start_price: Fen, steps: str, reserve: Fen | None, *most: int
) -> Rules:
    return Rules(
        start_price,
        json.loads(steps),
        reserve,
        timedelta(seconds=window),
        timedelta(seconds=extension),
        *most,
    )


def _not_before(now: datetime, decided_at: datetime | None) -> datetime:
    """A clock that was set back never puts a decision before the one it follows."""
    return max(now, decided_at or now).astimezone(UTC)


def _ask(offers: Sequence[Offer]) -> dict[str, list[Any]]:
    """One message of several statements, each with a snapshot of its own, taken after the locks."""
    questions = [LOCK, ADMITTED, RULES, BIDDERS, REPEATS]
    values: dict[str, Any] = {
        "lot": offers[0].lot_id,
        "bidders": [offer.bidder for offer in offers],
        "keys": [offer.key for offer in offers],
    }
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(";".join([PATIENCE, *questions]), values)
        for question in questions:
            cursor.nextset()
            found[question] = cursor.fetchall()
    return found


def _repeated(lot: Locked, row: tuple[Any, ...]) -> Decision:
    bidder, key, amount, maximum, confirmed, n, at, verdict, least, price, leader, *ends = row
    met_end, closes_at = ends
    return Decision(
        offer=Offer(lot.lot_id, bidder, key, amount, maximum, confirmed),
        n=n,
        at=at,
        verdict=Verdict(verdict),
        least=least,
        next_least=lot.rules.least(price),
        price=price,
        leader=leader,
        met_end=met_end,
        closes_at=closes_at,
        due=lot.due,
        repeated=True,
    )


def _write(lot: Locked, before: Standing) -> None:
    after = lot.standing
    accepted = sum(decision.verdict == Verdict.ACCEPTED for decision in lot.fresh)
    is_seen = bool(accepted) or after.price != before.price
    values: dict[str, Any] = {
        "lot": lot.lot_id,
        "at": lot.at,
        "rows": json.dumps([_row(decision) for decision in lot.fresh]),
        "price": after.price,
        "leader": after.leader,
        "maximum": after.maximum,
        "bids": accepted,
        "decisions": lot.decisions,
        "extensions": after.extensions,
        "seen": int(is_seen),
        "closes_at": after.closes_at,
        "before": lot.fresh[0].n - 1,
        "outbid": _is_outbid(lot, before),
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values)
    if is_seen:
        news.changed([lot.lot_id])


def _is_outbid(lot: Locked, before: Standing) -> bool:
    """Did anybody lose the lead, were it for a moment within this group?"""
    led = {before.leader, *(decision.leader for decision in lot.fresh)}
    return bool(led - {None, lot.standing.leader})


def _row(decision: Decision) -> dict[str, object]:
    offer = decision.offer
    return {
        "n": decision.n,
        "bidder_id": offer.bidder,
        "key": offer.key,
        "amount": offer.amount,
        "maximum": offer.maximum,
        "confirmed": offer.confirmed,
        "verdict": decision.verdict,
        "least": decision.least,
        "price": decision.price,
        "leader_id": decision.leader,
        "met_end": decision.met_end.isoformat(),
        "closes_at": decision.closes_at.isoformat(),
    }
