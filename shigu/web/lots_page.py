"""One lot: the page, and the part of it that changes, as JSON or HTML with an ETag, at one address.

`lot` is the page; `lot_now` answers what a poll asks: the public snapshot (`auctions.snapshots`) with what is
the reader's own where `Accept` names JSON, else the page's changing parts, `#lot-now`, `#lot-log` and
`#lot-bar`, ready to take the old ones' places (`static/web/js/lots.js`). Forms stand outside of these, so that
nothing typed is lost.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.auctions import lists, showing, snapshots, viewing
from shigu.auctions.models import AwardState, Deposit, Lot
from shigu.auctions.showing import Entry, Mine
from shigu.kit.moments import milliseconds
from shigu.kit.money import Fen
from shigu.web.limits import Limit, limited
from shigu.web.lot_cards import LotCard

LOOK = Limit("look-at-lot", 300, crowd=20)
"""Polls of one person a minute, a busy lot in several tabs; a hall of twenty such behind one address."""


@dataclass(frozen=True)
class Seat(LotCard):
    """A lot as one reader has it before them."""

    mine: Mine

    @property
    def gate(self) -> str:
        """visitor · barred · open (no deposit is asked for) · admitted · pending · missing."""
        if self.mine.user_id is None:
            return "visitor"
        if self.mine.barred:
            return "barred"
        if not self.due:
            return "open"
        if self.mine.held:
            return "admitted"
        return "pending" if self.mine.pending else "missing"

    @property
    def may_bid(self) -> bool:
        """Is there nothing in the way but the amount?"""
        return self.is_live and self.gate in ("open", "admitted")

    @property
    def has_act(self) -> bool:
        """Is there still something that the reader might do: bid, watch the end, or pay?"""
        to_pay = self.mine.award is not None and self.mine.award.state == AwardState.PENDING
        return to_pay or self.is_live or self.is_ahead or self.phase == "confirming"

    @property
    def mark(self) -> str:
        """The reader's own: leading, outbid, offered, won, not won; empty for who has not bid."""
        if award := self.mine.award:
            if award.state == AwardState.PENDING and award.second_chance:
                return "offered"
            if award.state in (AwardState.PENDING, AwardState.PAID):
                return "won"
        if not self.mine.has_bid:
            return ""
        if self.phase in ("live", "confirming"):
            return "leading" if self.mine.leads else "outbid"
        return "not_won" if self.phase == "sold" else ""

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """The latest bids."""
        return showing.log(self.bidding, self.mine.user_id)

    @cached_property
    def leader(self) -> int | None:
        """The paddle that leads, or got it."""
        if self.holder_id is None:
            return None
        return showing.paddles(self.lot.session_id, {self.holder_id}).get(self.holder_id)

    @property
    def wanted_deposits(self) -> list[tuple[str, Fen]]:
        """What can be paid to take part: for this lot, for all of the session."""
        both = (("lot", self.lot.deposit), ("session", self.lot.session.deposit))
        return [(which, amount) for which, amount in both if amount]

    @property
    def pending(self) -> Sequence[Deposit]:
        return self.mine.pending


@never_cache
@require_safe
def lot(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A lot: pictures, words, rules, how it stands, what the reader can do now."""
    now, row = clock.now(), shown_lot(slug, number)
    if request.method == "GET":
        viewing.saw(row.session_id)
    return render(request, "web/auctions/lot.html", page_of(seat_of(request, row, now)))


def seat_of(request: HttpRequest, row: Lot, now: datetime) -> Seat:
    """The lot as this reader has it."""
    return Seat(row, now, showing.mine(row, request.user.pk, now))


def page_of(seat: Seat) -> dict[str, Any]:
    """Everything that the page shows."""
    return {**part_of(seat), "key": secrets.token_urlsafe(16)}


def part_of(seat: Seat) -> dict[str, Any]:
    """What its changing parts show; what of it may change is in the tag, too."""
    return {
        "seat": seat,
        "lot": seat.lot,
        "ids": [seat.lot.pk],
        "now": seat.now,
        "extended": showing.extended(seat.lot.pk),
        "nav": "lot",
    }


@require_safe
@limited(LOOK)
def lot_now(request: HttpRequest, lot_id: int) -> HttpResponseBase:
    """How it stands: 304 while nothing is new for this reader."""
    now = clock.now()
    row = lists.shown_lots().filter(pk=lot_id).first()
    if row is None:
        raise Http404
    seat = seat_of(request, row, now)
    tag = _tag(request, seat)
    if request.headers.get("If-None-Match") == tag:
        return _told(HttpResponse(status=304), tag)
    if "json" in request.headers.get("Accept", ""):
        return _told(JsonResponse(snapshot(seat)), tag)
    part = render(request, "web/auctions/_now.html", part_of(seat))
    return _told(part, tag)


def snapshot(seat: Seat) -> dict[str, Any]:
    """What everybody may know, with the reader's own in `mine`; money in fen, times in milliseconds."""
    [public] = snapshots.of([seat.lot.pk])
    mine = {
        "gate": seat.gate,
        "mark": seat.mark,
        "paddle": seat.mine.paddle,
        "leads": seat.mine.leads,
        "maximum": seat.mine.maximum,
    }
    return {
        **json.loads(public.said),
        "phase": seat.phase,
        "now": milliseconds(seat.now),
        "mine": mine,
    }


def _tag(request: HttpRequest, seat: Seat) -> str:
    """What the answer depends on; times that only run on are not among it.

    Under the shop's key: a leader's tag, seen on its way, is no way to try maxima until one fits.
    """
    accept = "json" in request.headers.get("Accept", "")
    said = repr((_public(seat), seat.gate, _own(seat.mine), get_language(), accept))
    return f'"{salted_hmac(__name__, said, algorithm="sha256").hexdigest()[:24]}"'


def _public(seat: Seat) -> tuple[object, ...]:
    bidding = seat.bidding
    ends = (bidding.opens_at, bidding.closes_at, seat.phase)
    figures = (seat.price, seat.least, seat.reserve_met, seat.holder_id)
    return (seat.lot.pk, bidding.version, *ends, *figures)


def _own(mine: Mine) -> tuple[object, ...]:
    """What may change with no new version of the lot: a raised maximum, deposits, a ban, what is to pay."""
    standing = (mine.user_id, mine.paddle, mine.has_bid, mine.leads, mine.maximum, mine.barred)
    deposits = [(one.pk, one.state) for one in (mine.held, *mine.pending) if one]
    award = mine.award and (mine.award.pk, mine.award.state, mine.award.order.payable)
    return (*standing, deposits, award)


def _told(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    answer["ETag"] = tag
    answer["Cache-Control"] = "private, no-cache"
    patch_vary_headers(answer, ["Accept", "Accept-Language", "Cookie"])
    return answer


def shown_lot(slug: str, number: int) -> Lot:
    """A published lot; Http404 otherwise."""
    found = lists.shown_lots().filter(session__slug=slug, number=number).first()
    if found is None:
        raise Http404
    return found


urlpatterns = [
    path("auctions/lots/<int:lot_id>/now/", lot_now, name="lot_now"),
    path("auctions/<slug:slug>/<int:number>/", lot, name="lot"),
]
