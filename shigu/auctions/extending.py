"""An operator gives an open lot more time: the only thing that moves an end besides bids and outages.

Before the opening an end is its session's to say (`publishing.change`), which would take this back. Every
such move is a row of its own (`Extension`), so that a lot's record tells every end it ever had. A lot whose
end has passed is over, whoever closes it when.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.formats import localize
from django.utils.timezone import localtime

from shigu import clock
from shigu.auctions import news, telling
from shigu.auctions.checking import HORIZON
from shigu.auctions.errors_life import NotLater, NotOpen, NotOpenedYet
from shigu.auctions.locks import locked_biddings
from shigu.auctions.models import OPEN_STATES, Bidding, Extension, Moved
from shigu.kit.breakpoints import reached


def extend(lot_id: int, *, until: datetime, by: int) -> Bidding:
    """Move a lot's end to `until`, which is later. NotOpen, NotOpenedYet, NotLater, TooFar.

    1. Lock the lot, read the clock. 2. Move end and due time. 3. One row that says who did it. 4. Who cares
    for the lot is told.
    """
    with transaction.atomic(durable=True):
        biddings = locked_biddings([lot_id])
        reached("auctions.extend.locked")
        now = clock.now()
        if not biddings or biddings[0].state not in OPEN_STATES or now >= biddings[0].closes_at:
            raise NotOpen
        [lot] = biddings
        if now < lot.opens_at:
            raise NotOpenedYet
        if until <= lot.closes_at:
            raise NotLater(end=localize(localtime(lot.closes_at)))
        HORIZON.refuse(until, now)
        Extension.objects.create(
            lot_id=lot_id,
            after=lot.decisions,
            at=now,
            met_end=lot.closes_at,
            closes_at=until,
            why=Moved.OPERATOR,
            by_id=by,
        )
        lot.closes_at = lot.due_at = until
        lot.version += 1
        lot.save(update_fields=["closes_at", "due_at", "version"])
        telling.moved([lot_id], at=now)
        news.changed([lot_id])
    return lot
