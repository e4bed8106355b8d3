"""A lot that came to nothing is listed again: a new lot of the same thing in a session still in draft.

The old lot, its bids and awards stay as they are. Whoever won it before and did not pay is barred from the
new one for ever (`defaulters`), however long their general bar lasts.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import Max

from shigu.auctions.errors_life import NotADraft, NotRelistable, RelistedAlready
from shigu.auctions.locks import locked_biddings, locked_session
from shigu.auctions.models import Lot, LotPicture, LotState, SessionState
from shigu.orders.models import Shipment

CAME_TO_NOTHING = (LotState.PASSED_IN, LotState.OVERDUE, LotState.WITHDRAWN)

COPIED = (
    *("name_zh", "name_en", "story_zh", "story_en", "details", "sku_id"),
    *("start_price", "steps", "reserve", "deposit"),
)

DEFAULTERS = """
WITH RECURSIVE before AS (
  SELECT relisted_from_id AS id FROM auctions_lot WHERE id = %(lot)s
  UNION ALL SELECT l.relisted_from_id FROM auctions_lot l JOIN before b ON l.id = b.id
)
SELECT DISTINCT a.user_id FROM before b JOIN auctions_award a ON a.lot_id = b.id
 WHERE a.state = 2 AND NOT a.second_chance
"""


def relist(lot_id: int, *, session_id: int) -> Lot:
    """List it again in a draft session, as its last lot; NotRelistable, RelistedAlready, NotADraft.

    1. Lock the old lot, so that no second chance is offered meanwhile, then the session.
    2. A new lot: same thing, words, rules, pictures.
    """
    with transaction.atomic(durable=True):
        biddings = locked_biddings([lot_id])
        session = locked_session(session_id)
        if not biddings or biddings[0].state not in CAME_TO_NOTHING or _is_gone(lot_id):
            raise NotRelistable
        if Lot.objects.filter(relisted_from=lot_id).exists():
            raise RelistedAlready
        if session.state != SessionState.DRAFT:
            raise NotADraft
        return _copied(Lot.objects.get(pk=lot_id), session_id)


def defaulters(lot_id: int) -> set[int]:
    """Who may not bid on this lot, because they won it in an earlier session and did not pay."""
    with connection.cursor() as cursor:
        cursor.execute(DEFAULTERS, {"lot": lot_id})
        return {user for (user,) in cursor.fetchall()}


def _is_gone(lot_id: int) -> bool:
    """Was it sent to somebody whose money went back later?"""
    return Shipment.objects.filter(order__award__lot=lot_id, shipped_at__isnull=False).exists()


def _copied(old: Lot, session_id: int) -> Lot:
    last = Lot.objects.filter(session=session_id).aggregate(last=Max("number"))["last"] or 0
    same = {name: getattr(old, name) for name in COPIED}
    new = Lot.objects.create(session_id=session_id, number=last + 1, relisted_from=old, **same)
    LotPicture.objects.bulk_create(
        LotPicture(lot=new, image=picture.image, position=picture.position)
        for picture in old.pictures.order_by("position", "pk")
    )
    return new
