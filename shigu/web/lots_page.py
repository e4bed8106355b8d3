"""One lot: the page, and the part of it that changes, as JSON or HTML with an ETag, at one address.

`lot` is the page; `lot_now` answers what a poll asks: the public snapshot (`auctions.snapshots`) with what is
the reader's own where `Accept` names JSON, else the page's changing parts, `#lot-now`, `#lot-log` and
`#lot-bar`, ready to take the old ones' places (`static/web/js/lots.js`). Forms stand outside of these, so that
nothing typed is lost.
"""

from __future__ import annotations

import hashlib
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
    return render(request, "web/auctions/lot.html", page_of(request, row, now))


def page_of(request: HttpRequest, row: Lot, now: datetime) -> dict[str, Any]:
    """Everything that the page shows."""
    return {**part_of(request, row, now), "key": secrets.token_urlsafe(16)}


def part_of(request: HttpRequest, row: Lot, now: datetime) -> dict[str, Any]:
    """What its changing parts show."""
    seat = Seat(row, now, showing.mine(row, request.user.pk, now))
    extended = showing.extended(row.pk)
    return {
        "seat": seat,
        "lot": row,
        "ids": [row.pk],
        "now": now,
        "extended": extended,
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
    tag = _tag(request, row, now)
    if request.headers.get("If-None-Match") == tag:
        return _told(HttpResponse(status=304), tag)
    if "json" in request.headers.get("Accept", ""):
        return _told(JsonResponse(snapshot(request, row, now)), tag)
    part = render(request, "web/auctions/_now.html", part_of(request, row, now))
    return _told(part, tag)


def snapshot(request: HttpRequest, row: Lot, now: datetime) -> dict[str, Any]:
    """What everybody may know, with the reader's own in `mine`; money in fen, times in milliseconds."""
    seat = Seat(row, now, showing.mine(row, request.user.pk, now))
    [public] = snapshots.of([row.pk])
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
        "now": milliseconds(now),
        "mine": mine,
    }


def _tag(request: HttpRequest, row: Lot, now: datetime) -> str:
    """What the answer depends on; times that only run on are not among it."""
    user = request.user.pk
    deposits = [(one.pk, one.state) for one in showing.admitting(user, row, now)]
    accept = "json" in request.headers.get("Accept", "")
    facts = (row.pk, row.bidding.version, row.bidding.closes_at, LotCard(row, now).phase)
    said = repr((facts, user, deposits, get_language(), accept))
    return f'"{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"'


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
