"""What must be right about a session before it is published, and what of it again when that is changed.

`refuse_incomplete(session, lots, now)` raises the first `NotComplete` that holds; `refuse_times` and
`refuse_lots` are its two halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from shigu.auctions.errors_life import (
    BadFigures,
    BadSteps,
    IsOver,
    NoLots,
    NotALot,
    ShareMissing,
    SoldAlready,
    TimesInDisorder,
    UnderHammer,
)
from shigu.auctions.models import Bidding, Lot, LotState, Session
from shigu.catalogue.models import Kind
from shigu.kit.horizon import Horizon

HORIZON = Horizon(back=1, ahead=10)
"""Where the times of sessions and the ends of lots may lie."""

TAKEN = (LotState.PREVIEW, LotState.LIVE, LotState.SOLD)


def refuse_incomplete(session: Session, lots: Sequence[Lot], now: datetime) -> None:
    """Times in order and ahead, at least one lot, and every lot in order."""
    refuse_times(session, now)
    if not lots:
        raise NoLots
    refuse_lots(session, lots)


def refuse_times(session: Session, now: datetime) -> None:
    """One after the other, and the first lot closes after now."""
    if not session.preview_from <= session.preview_until <= session.opens_at < session.closes_at:
        raise TimesInDisorder
    if session.closes_at <= now:
        raise IsOver


def refuse_lots(session: Session, lots: Sequence[Lot]) -> None:
    """Each a thing of its own that is free, with figures that make sense."""
    for lot in lots:
        _refuse_figures(session, lot)
    _refuse_taken(lots)


def are_steps(steps: object) -> bool:
    """Pairs of whole fen [from price, step], the first from 0, prices rising, steps above zero."""
    if not isinstance(steps, list) or not steps:
        return False
    pairs = [band for band in steps if isinstance(band, list | tuple) and len(band) == 2]
    if len(pairs) < len(steps) or not all(type(x) is int for band in pairs for x in band):
        return False
    starts = [start for start, _ in pairs]
    rising = all(a < b for a, b in pairwise(starts))
    return starts[0] == 0 and rising and all(step > 0 for _, step in pairs)


def _refuse_figures(session: Session, lot: Lot) -> None:
    if lot.sku.product.kind != Kind.LOT:
        raise NotALot(name=lot.name)
    if not are_steps(lot.steps):
        raise BadSteps(name=lot.name)
    least = min(lot.start_price, lot.deposit)
    if least < 0 or (lot.reserve is not None and lot.reserve < lot.start_price):
        raise BadFigures(name=lot.name)
    if session.deposit > 0 and lot.deposit == 0:
        raise ShareMissing(name=lot.name)


def _refuse_taken(lots: Sequence[Lot]) -> None:
    by_sku: dict[int, Lot] = {}
    for lot in lots:
        if lot.sku_id in by_sku:
            raise UnderHammer(name=lot.name)
        by_sku[lot.sku_id] = lot
    others = Bidding.objects.filter(sku_id__in=by_sku).exclude(pk__in=[lot.pk for lot in lots])
    for sku_id, state in others.values_list("sku_id", "state"):
        if state in TAKEN:
            raise UnderHammer(name=by_sku[sku_id].name)
        if state == LotState.PAID:
            raise SoldAlready(name=by_sku[sku_id].name)
