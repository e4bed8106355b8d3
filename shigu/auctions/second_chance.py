"""A lot that its winner did not pay is offered to the next bidder, at that bidder's own amount.

An offer binds nobody: no deposit, no forfeit, no bar; it may be declined, and expires like any award's
order. `next_bidder` reads the bids: whoever was outbid has shown all they would go to, so that is the price.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction

from shigu import clock
from shigu.auctions import awarding, news
from shigu.auctions.checking import TAKEN
from shigu.auctions.covering import Winner
from shigu.auctions.errors_life import BadTime, NobodyElse, NothingToOffer
from shigu.auctions.locks import locked_biddings
from shigu.auctions.models import Award, Bidding, Lot, LotState, Session
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen

LEAST, MOST = 60, 30 * 86400


class Bidder(NamedTuple):
    """Who comes next, and what they would have paid, in fen."""

    user_id: int
    amount: Fen


# Of equal amounts the earlier, as when bidding. Whoever had this lot once is not asked again, nor who is
# barred or gone. The price passed everybody's maximum but the winner's, so theirs is no secret any more.
NEXT = """
SELECT bidder_id, amount
  FROM (SELECT DISTINCT ON (b.bidder_id) b.bidder_id, greatest(b.amount, b.maximum) AS amount, b.n
          FROM auctions_bid b JOIN accounts_user u ON u.id = b.bidder_id
         WHERE b.lot_id = %(lot)s AND b.verdict IN ('accepted', 'raised') AND u.is_active
           AND NOT EXISTS (SELECT FROM auctions_award a
                            WHERE a.lot_id = b.lot_id AND a.user_id = b.bidder_id)
           AND NOT EXISTS (SELECT FROM auctions_ban n
                            WHERE n.user_id = b.bidder_id AND n.lifted_at IS NULL AND n.until > %(now)s)
         ORDER BY b.bidder_id, amount DESC, b.n) AS best
 ORDER BY amount DESC, n LIMIT 1
"""


def next_bidder(lot_id: int) -> Bidder | None:
    """Who would be asked now."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"lot": lot_id, "now": clock.now()})
        row = cursor.fetchone()
    return Bidder(*row) if row else None


def _is_elsewhere(lot: Bidding) -> bool:
    """Was it listed again, or is the same thing under the hammer as another lot?"""
    others = Bidding.objects.filter(sku_id=lot.sku_id).exclude(pk=lot.pk)
    relisted = Lot.objects.filter(relisted_from=lot.pk)
    return relisted.exists() or others.filter(state__in=TAKEN).exists()


def offer(lot_id: int, *, seconds: int | None = None) -> Award:
    """Offer it for so many seconds (None: as long as its session gives). One offer at a time.

    1. Lock the lot; it must be unpaid by its winner, and not be listed again.
    2. The next bidder. 3. An award and its order at their own amount; the lot waits to be paid again.
    """
    session = Session.objects.get(lots=lot_id)
    time = session.pay_seconds if seconds is None else seconds
    if seconds is not None and not LEAST <= time <= MOST:
        raise BadTime
    with transaction.atomic(durable=True):
        biddings = locked_biddings([lot_id])
        reached("auctions.offer.locked")
        if not biddings or biddings[0].state != LotState.OVERDUE or _is_elsewhere(biddings[0]):
            raise NothingToOffer
        [lot] = biddings
        bidder = next_bidder(lot_id)
        if bidder is None:
            raise NobodyElse
        lot.state, lot.version = LotState.SOLD, lot.version + 1
        lot.save(update_fields=["state", "version"])
        winner = Winner(lot_id, bidder.user_id, bidder.amount)
        order_id = awarding.offer(winner, at=clock.now(), seconds=time)
        news.changed([lot_id])
    return Award.objects.get(order_id=order_id)
