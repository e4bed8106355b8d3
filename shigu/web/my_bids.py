"""My bids 我的竞拍: lots I bid on and how I stand, what I won, my deposits; and how auctions work here.

Three tabs, each in a fixed number of queries however much there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.auctions import deposit_standing, lists
from shigu.auctions.deposit_standing import DepositStanding
from shigu.auctions.models import Award, AwardState
from shigu.kit.money import Fen
from shigu.orders.models import Status
from shigu.web.lot_cards import LotCard
from shigu.web.reader import me

TABS: dict[str, str | Promise] = {
    "bids": _("Bids"),
    "won": _("Won"),
    "deposits": _("Deposits"),
}
SIZE = 20
WORDS = {"held": "deposit_held"}
"""A deposit's word as the chips know it, where they differ."""


class Taken(NamedTuple):
    """A lot that somebody bid on: how far they went, and how they stand."""

    card: LotCard
    top: Fen
    mark: str


class Win(NamedTuple):
    """Something won or offered: the lot, whether it can still be paid, its chip."""

    award: Award
    card: LotCard
    is_payable: bool
    chip: str


class Kept(NamedTuple):
    """A deposit as its owner reads it."""

    found: DepositStanding
    chip: str


@never_cache
@login_required
@require_safe
def my_bids(request: HttpRequest) -> HttpResponse:
    """One tab of it; what waits to be paid stands on top of all of them."""
    now, user_id = clock.now(), me(request)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "bids"
    read = {"bids": _bids, "won": _won, "deposits": _deposits}[tab]
    page, rows = read(user_id, now, request.GET.get("page", "1"))
    waiting = lists.won(user_id).filter(order__status=Status.UNPAID, order__pay_by__gt=now)
    context = {
        "tabs": list(TABS.items()),
        "tab": tab,
        "page": page,
        "rows": rows,
        "waiting": [] if tab == "won" else wins_of(list(waiting[:5]), now),
        "now": now,
    }
    return render(request, "web/auctions/mine.html", context)


def _bids(user_id: int, now: datetime, number: str) -> tuple[Page[Any], list[Taken]]:
    page = Paginator(lists.bid_on(user_id), SIZE).get_page(number)
    rows = list(page)
    lots = lists.shown_lots().in_bulk([row["lot_id"] for row in rows])
    won = Award.objects.filter(user_id=user_id, lot_id__in=lots).order_by("pk")
    mine = {award.lot_id: award for award in won}
    cards = [(LotCard(lots[row["lot_id"]], now), row["top"]) for row in rows]
    return page, [Taken(card, top, _mark(card, user_id, mine)) for card, top in cards]


def _mark(card: LotCard, user_id: int, won: dict[int, Award]) -> str:
    if card.phase in ("live", "confirming"):
        return "leading" if card.bidding.leader_id == user_id else "outbid"
    mine = won.get(card.lot.pk)
    if mine and mine.state == AwardState.PENDING and mine.second_chance:
        return "offered"
    if mine and mine.state in (AwardState.PENDING, AwardState.PAID):
        return "won"
    if mine and mine.state == AwardState.OVERDUE:
        return "overdue"
    return "not_won" if card.phase == "sold" else card.phase


def _won(user_id: int, now: datetime, number: str) -> tuple[Page[Any], list[Win]]:
    page = Paginator(lists.won(user_id), SIZE).get_page(number)
    return page, wins_of(list(page), now)


def wins_of(awards: Sequence[Award], now: datetime) -> list[Win]:
    """Each with its lot's card: two queries more."""
    lots = lists.shown_lots().in_bulk([award.lot_id for award in awards])
    return [
        Win(award, LotCard(lots[award.lot_id], now), award.order.is_payable(now), _chip(award))
        for award in awards
    ]


def _chip(award: Award) -> str:
    if award.state == AwardState.PENDING:
        return "offered" if award.second_chance else "unpaid"
    return {AwardState.PAID: "paid", AwardState.OVERDUE: "overdue"}.get(
        AwardState(award.state), "cancelled"
    )


def _deposits(user_id: int, now: datetime, number: str) -> tuple[Page[Any], list[Kept]]:
    page = Paginator(deposit_standing.mine(user_id), SIZE).get_page(number)
    found = deposit_standing.standings(list(page), now)
    return page, [Kept(one, _kept(one)) for one in found]


def _kept(found: DepositStanding) -> str:
    """Its chip: what lost a part is not said to be back."""
    if found.word == "returned" and found.deposit.forfeited:
        return "partly"
    return WORDS.get(found.word, found.word)


@require_safe
def auction_rules(request: HttpRequest) -> HttpResponse:
    """How bidding, deposits, ends and payment work here, in plain words."""
    return render(request, "web/auctions/rules.html", {"nav": "auctions"})


urlpatterns = [
    path("me/bids/", my_bids, name="my_bids"),
    path("help/auctions/", auction_rules, name="auction_rules"),
]
