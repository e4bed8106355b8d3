"""How often one bidder may bid on one lot: beyond it the answer says when to come back, nothing is dropped.

Counted on Django's cache in fixed windows, each bidder and lot for themselves, so that nobody's haste
delays anybody else, least of all the leader. Pages answer 429 with `seconds` as Retry-After.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache

from shigu.auctions.errors import TooManyBids

WINDOW = 10
"""Seconds in which `settings.AUCTION_BIDS` of one bidder on one lot are taken."""


def count(user_id: int, lot_id: int) -> None:
    """Count one more bid; raises TooManyBids beyond the limit."""
    window, gone = divmod(int(time.time()), WINDOW)
    key = f"bids:{lot_id}:{user_id}:{window}"
    if not cache.add(key, 1, 2 * WINDOW) and _one_more(key) > settings.AUCTION_BIDS:
        raise TooManyBids(seconds=WINDOW - gone)


def _one_more(key: str) -> int:
    try:
        return cache.incr(key)
    except ValueError:  # it was dropped between the two
        return 1
