"""What pages show of sessions, lots and awards, each in a fixed number of queries.

Whether something is live is read from its times at `now`, whatever state the clock has got to: `phase` for
a session, `Bidding.is_open` for a lot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, FilteredRelation, Max, Prefetch, Q, QuerySet, Sum, When

from shigu.auctions.models import (
    Award,
    AwardState,
    Bid,
    Bidding,
    Lot,
    LotPicture,
    LotState,
    Session,
    SessionState,
)

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


def ahead(now: datetime) -> QuerySet[Session]:
    """What is live, then what can be viewed, then what comes; in each what turns next first. One query."""
    of = tabs(now)
    rank = Case(When(of["live"], then=0), When(of["preview"], then=1), default=2)
    turns = Case(
        When(of["live"], then="closes_at"),
        When(of["preview"], then="opens_at"),
        default="preview_from",
    )
    return Session.objects.filter(of["live"] | of["preview"] | of["coming"]).order_by(
        rank, turns, "pk"
    )


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
    return shown_lots().filter(session_id=session_id).order_by("number")


def shown_lots() -> QuerySet[Lot]:
    """Published lots, each with everything that its card shows: two queries however many there are."""
    pictures = Prefetch("pictures", LotPicture.objects.order_by("position", "pk"))
    rows = with_offers(Lot.objects.filter(bidding__state__gt=LotState.DRAFT))
    rows = rows.select_related("bidding", "session", "sku__product__category")
    return rows.prefetch_related(pictures)


def with_offers(rows: QuerySet[Lot]) -> QuerySet[Lot]:
    """Each with `again_price` and `again_user_id` of the second chance that stands, else None."""
    stands = Q(awards__state__in=[AwardState.PENDING, AwardState.PAID], awards__second_chance=True)
    rows = rows.annotate(again=FilteredRelation("awards", condition=stands))
    offered = {"again_price": F("again__price"), "again_user_id": F("again__user_id")}
    return rows.annotate(**offered)  # by name, the types would see what the model declares twice


def lot(slug: str, number: int) -> Lot:
    """One published lot by its session and number; Lot.DoesNotExist otherwise."""
    shown = Lot.objects.filter(bidding__isnull=False, session__slug=slug, number=number)
    return shown.select_related("bidding", "session", "sku__product__category").get()


def bids_of(session_id: int) -> int:
    """How many bids a session has had: counted on its lots, never on the session."""
    rows = Bidding.objects.filter(session_id=session_id)
    return rows.aggregate(bids=Sum("bids"))["bids"] or 0


class Figures(NamedTuple):
    """Of one session: how many lots, how many bids on them, and when the last one closes."""

    lots: int = 0
    bids: int = 0
    ends: datetime | None = None


def figures(session_ids: Collection[int]) -> dict[int, Figures]:
    """The figures of each of these sessions, in one query."""
    rows = Bidding.objects.filter(session_id__in=session_ids).values_list("session_id")
    found = rows.annotate(Count("pk"), Sum("bids"), Max("closes_at"))
    return {pk: Figures(*figures) for pk, *figures in found}


def counts(now: datetime) -> Mapping[str, int]:
    """How many sessions there are of each tab, in one query."""
    many = {name: Count("pk", filter=wanted) for name, wanted in tabs(now).items()}
    return Session.objects.aggregate(**many)


def bid_on(user_id: int) -> QuerySet[Any, Any]:
    """Lots that somebody has bid on, `lot_id` and their own highest bid as `top`, latest first."""
    rows = Bid.objects.filter(bidder_id=user_id, verdict__in=["accepted", "raised"])
    mine = rows.order_by().values("lot_id").annotate(last=Max("pk"), top=Max("amount"))
    return mine.order_by("-last")


def won(user_id: int) -> QuerySet[Award]:
    """What somebody won or is offered, newest first, with its order and deposit; `shown_lots` has the lots."""
    rows = Award.objects.filter(user_id=user_id).select_related("order", "deposit")
    return rows.order_by("-pk")
