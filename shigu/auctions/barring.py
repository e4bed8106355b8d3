"""A bar from bidding is lifted by an operator, with a reason; the row stays as a record of both.

Whoever did not pay a lot stays barred from that lot when it is listed again: that is no bar of time.
"""

from __future__ import annotations

from django.db import transaction

from shigu import clock
from shigu.auctions.errors_life import SayWhy
from shigu.auctions.errors_record import NotBarred
from shigu.auctions.models import Ban


def lift(ban_id: int, *, reason: str) -> Ban:
    """They may bid from now on; SayWhy, NotBarred where it is lifted or over."""
    if not reason.strip():
        raise SayWhy
    with transaction.atomic(durable=True):
        ban = Ban.objects.select_for_update(no_key=True).get(pk=ban_id)
        now = clock.now()
        if ban.lifted_at or ban.until <= now:
            raise NotBarred
        ban.lifted_at, ban.note = now, reason.strip()[:200]
        ban.save(update_fields=["lifted_at", "note"])
    return ban
