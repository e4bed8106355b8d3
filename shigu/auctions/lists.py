"""What pages show of sessions, lots and awards, each in a fixed number of queries.

Whether something is live is read from its times at `now`, whatever state the clock has got to: `phase` for
a session, `Bidding.is_open` for a lot.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet, Sum

from shigu.auctions.models import Award, Bidding, Lot, LotPicture, Session, SessionState

SHOWN = ~Q(state=SessionState.DRAFT)


def tabs(now: datetime) -> Mapping[str, Q]:
    """Sessions by what they are at `now`."""
    standing = Q(state__in=[SessionState.SCHEDULED, SessionState.PREVIEW, SessionState.LIVE])
    return {
        "live": standing & Q(opens_at__lte=now, open_lots__gt=0),
        "preview": standing & Q(preview_from__lte=now, opens_at__gt=now),
        "coming": standing & Q(preview_from__gt=now),
        "ended": Q(state__in=[SessionState.ENDED, SessionState.WITHDRAWN])
        | standing & Q(open_lots=0),
    }


def sessions(now: datetime, tab: str = "live") -> QuerySet[Session]:
    """Sessions of one tab: what ends, opens or begins next first; ended ones newest first."""
    order = {"live": "closes_at", "preview": "opens_at", "coming": "preview_from"}
    return Session.objects.filter(tabs(now)[tab]).order_by(order.get(tab, "-closes_at"), "-pk")


def phase(session: Session, now: datetime) -> str:
    """draft · coming · preview · soon (preview over, not open yet) · live · ended · withdrawn."""
    if session.state == SessionState.DRAFT:
        return "draft"
    if session.state == SessionState.WITHDRAWN:
        return "withdrawn"
    if session.state == SessionState.ENDED or not session.open_lots:
        return "ended"
    if now < session.preview_from:
        return "coming"
    if now < session.preview_until:
        return "preview"
    return "soon" if now < session.opens_at else "live"


def session(slug: str) -> Session:
    """A session that is published; Session.DoesNotExist for a draft or none."""
    return Session.objects.filter(SHOWN).get(slug=slug)


def lots(session_id: int) -> QuerySet[Lot]:
    """Its lots in their order, each with how it stands and its pictures."""
    pictures = Prefetch("pictures", LotPicture.objects.order_by("position", "pk"))
    rows = Lot.objects.filter(session_id=session_id).select_related("bidding", "session")
    return rows.prefetch_related(pictures).order_by("number")


def lot(slug: str, number: int) -> Lot:
    """One published lot by its session and number; Lot.DoesNotExist otherwise."""
    shown = Lot.objects.filter(bidding__isnull=False, session__slug=slug, number=number)
    return shown.select_related("bidding", "session", "sku__product__category").get()


def bids_of(session_id: int) -> int:
    """How many bids a session has had: counted on its lots, never on the session."""
    rows = Bidding.objects.filter(session_id=session_id)
    return rows.aggregate(bids=Sum("bids"))["bids"] or 0


def won(user_id: int) -> QuerySet[Award]:
    """What somebody won or is offered, newest first, with its lot and order."""
    rows = Award.objects.filter(user_id=user_id)
    return rows.select_related("lot__session", "lot__bidding", "order", "deposit").order_by("-pk")
