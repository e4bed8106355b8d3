"""Pieces received or corrected by hand, with an answer for people where the database says no."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError

from shigu.catalogue import stock
from shigu.catalogue.errors import BookedAlready, NotOnHand
from shigu.catalogue.models import Moved
from shigu.kit.errors import Refusal, constraint_of

ANSWERS: dict[str, type[Refusal]] = {
    "stock_never_oversold": NotOnHand,
    "movement_once": BookedAlready,
}


def correct(sku_id: int, *, pieces: int, kind: Moved, subject: str, by: str, now: datetime) -> None:
    """Book it, or refuse: NotOnHand, BookedAlready. `subject` is unique per event."""
    try:
        stock.correct(sku_id, pieces=pieces, kind=kind, subject=subject, by=by, now=now)
    except IntegrityError as error:
        if (broken := constraint_of(error)) not in ANSWERS:
            raise
        raise ANSWERS[broken] from error
