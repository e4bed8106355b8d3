"""How each side of `bids` decides one bid: ours, SELECT FOR UPDATE in three round trips, and the bare SQL.

`bidders[side](person, lot)` connects and returns a function that bids once under a key: one to three steps
above the price that this bidder saw last, so that some lead, some are too low and some lead already. All
write the same numbered row and the same standing; a model of its own replays what they wrote.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from shigu.auctions import rules
from shigu.auctions.committing import decided
from shigu.auctions.deciding import Offer
from shigu.auctions.models import Verdict
from shigu.auctions.rules import Rules, Standing, Wish

Bidder = Callable[[str], None]

START, STEP = 10_000, 100


def shigu(person: int, lot: int) -> Bidder:
    """The real door."""
    connection.ensure_connection()
    return _from_request(person, lot)


def requests(person: int, lot: int) -> Bidder:
    """The real door, as a web request comes to it: a connection from the pool, given back at its end."""
    bid = _from_request(person, lot)

    def one_request(key: str) -> None:
        try:
            bid(key)
        finally:
            connection.close()

    return one_request


def _from_request(person: int, lot: int) -> Bidder:
    seen = Seen(person)

    def bid(key: str) -> None:
        seen.price = decided(Offer(lot, person, key, seen.amount())).price

    return bid


class Seen:
    """What one bidder saw last, and bids therefore."""

    def __init__(self, person: int) -> None:
        self.price: int | None = None
        self._chance = random.Random(person)

    def amount(self) -> int:
        """One to three steps more."""
        if self.price is None:
            return START
        return self.price + STEP * self._chance.randint(1, 3)


LOCK = """
SELECT b.state, b.opens_at, b.closes_at, b.price, b.leader_id, b.maximum, b.extensions, b.decisions,
       b.decided_at FROM auctions_bidding b WHERE b.lot_id = %s FOR NO KEY UPDATE
"""
LOOK = """
SELECT shigu_clock(), EXISTS (SELECT FROM auctions_ban WHERE user_id = %(person)s
                                AND lifted_at IS NULL AND until > shigu_clock()), d.id
  FROM auctions_lot l
  LEFT JOIN auctions_deposit d ON d.session_id = l.session_id AND d.user_id = %(person)s AND d.state = 1
 WHERE l.id = %(lot)s
"""
WRITE = """
WITH log AS (
  INSERT INTO auctions_bid (lot_id, n, at, bidder_id, key, amount, maximum, confirmed, verdict, least,
                            price, leader_id, met_end, closes_at)
  VALUES (%(lot)s, %(n)s, %(at)s, %(person)s, %(key)s, %(amount)s, NULL, false, %(verdict)s, %(least)s,
          %(price)s, %(leader)s, %(met_end)s, %(closes_at)s)
)
UPDATE auctions_bidding SET price = %(price)s, leader_id = %(leader)s, maximum = %(maximum)s,
       bids = bids + %(counts)s, decisions = %(n)s, version = version + %(counts)s, decided_at = %(at)s
 WHERE lot_id = %(lot)s
"""

RULES = Rules(START, [[0, STEP]])


def for_update(person: int, lot: int) -> Bidder:
    """Lock the lot, look, write; each bid waits for the row and for its own commit."""
    connection.ensure_connection()
    seen = Seen(person)

    def bid(key: str) -> None:
        amount = seen.amount()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK, [lot])
            state, *stood, decisions, decided_at = cursor.fetchone()
            cursor.execute(LOOK, {"lot": lot, "person": person})
            now, is_banned, deposit = cursor.fetchone()
            at: datetime = max(now, decided_at or now)
            wish = Wish(person, amount, has_deposit=deposit is not None, is_banned=is_banned)
            before = Standing(state <= 2, *stood)
            outcome = rules.decide(RULES, before, wish, at)
            values: dict[str, Any] = {"lot": lot, "n": decisions + 1, "at": at, "person": person}
            values |= {"key": key, "amount": amount, "verdict": outcome.verdict.value}
            values |= {"least": outcome.least, "price": outcome.after.price}
            values |= {"leader": outcome.after.leader, "maximum": outcome.after.maximum}
            values |= {"met_end": before.closes_at, "closes_at": outcome.after.closes_at}
            cursor.execute(WRITE, values | {"counts": int(outcome.verdict == Verdict.ACCEPTED)})
        seen.price = outcome.after.price

    return bid


BARE = """
WITH b AS MATERIALIZED (
  SELECT * FROM auctions_bidding WHERE lot_id = %(lot)s FOR NO KEY UPDATE
), d AS MATERIALIZED (
  SELECT id FROM auctions_deposit
   WHERE user_id = %(person)s AND state = 1 AND session_id = (SELECT session_id FROM b) FOR SHARE
), t AS MATERIALIZED (
  SELECT b.*, greatest(clock_timestamp(), b.decided_at) AS at,
         coalesce(b.price + %(step)s, %(start)s) AS least FROM b
), v AS MATERIALIZED (
  SELECT t.*, CASE WHEN t.state > 2 OR t.at >= t.closes_at THEN 'ended'
                   WHEN t.at < t.opens_at THEN 'not-open'
                   WHEN EXISTS (SELECT FROM auctions_ban n WHERE n.user_id = %(person)s
                                   AND n.lifted_at IS NULL AND n.until > t.at) THEN 'banned'
                   WHEN NOT EXISTS (SELECT FROM d) THEN 'no-deposit'
                   WHEN t.leader_id = %(person)s THEN 'leading'
                   WHEN %(amount)s < t.least THEN 'too-low'
                   WHEN %(amount)s > t.least + 20 * %(step)s THEN 'wild'
                   ELSE 'accepted' END AS verdict FROM t
), w AS MATERIALIZED (
  SELECT v.*, (verdict = 'accepted')::int AS counts,
         CASE WHEN verdict = 'accepted' THEN %(amount)s ELSE price END AS price_after,
         CASE WHEN verdict = 'accepted' THEN %(person)s ELSE leader_id END AS leader_after,
         CASE WHEN verdict = 'accepted' THEN %(amount)s ELSE maximum END AS maximum_after FROM v
), log AS (
  INSERT INTO auctions_bid (lot_id, n, at, bidder_id, key, amount, maximum, confirmed, verdict, least,
                            price, leader_id, met_end, closes_at)
  SELECT lot_id, decisions + 1, at, %(person)s, %(key)s, %(amount)s, NULL, false, verdict, least,
         price_after, leader_after, closes_at, closes_at FROM w
)
UPDATE auctions_bidding b SET price = w.price_after, leader_id = w.leader_after,
       maximum = w.maximum_after, bids = w.bids + w.counts, decisions = w.decisions + 1,
       version = w.version + w.counts, decided_at = w.at
  FROM w WHERE b.lot_id = w.lot_id RETURNING b.price
"""


def limit(person: int, lot: int) -> Bidder:
    """One prepared statement, one round trip, one commit; nothing of Django or Shigu around it."""
    connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = 0
    bare = psycopg.Cursor(raw)  # binds on the server, unlike Django's own
    seen = Seen(person)
    text = BARE
    for name in ("lot", "person", "amount", "step", "start"):
        text = text.replace(f"%({name})s", f"%({name})s::bigint")
    same: dict[str, Any] = {"person": person, "lot": lot, "step": STEP, "start": START}

    def bid(key: str) -> None:
        bare.execute(text, same | {"key": key, "amount": seen.amount()})
        row = bare.fetchone()
        seen.price = row[0] if row else None

    return bid


bidders: dict[str, Callable[[int, int], Bidder]] = {
    "shigu": shigu,
    "requests": requests,
    "for_update": for_update,
    "limit": limit,
}
