"""A bid from a page: one POST with an idempotency key, answered with the verdict and the least valid amount.

A form is answered with the lot's page, or, for a big jump, with a page that asks whether it is meant; a
script (`Accept: application/json`) with the figures. Who bids too often, or finds the lot busy, gets 429 and
Retry-After. Whoever names only a maximum bids the least amount; what was outrun meanwhile is tried again.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse

from shigu import clock
from shigu.auctions import committing, sentences, showing
from shigu.auctions.deciding import Decision, Offer
from shigu.auctions.errors import BadAmount, ComeBack
from shigu.auctions.models import Lot, Verdict
from shigu.kit.errors import Refusal
from shigu.kit.moments import milliseconds
from shigu.kit.money import Fen
from shigu.web.inputs import fen_of, words
from shigu.web.lot_cards import LotCard
from shigu.web.lots_page import shown_lot
from shigu.web.reader import me

TRIES = 3
STATUS = {Verdict.NO_DEPOSIT: 402, Verdict.BANNED: 403, Verdict.OWN: 403}
"""For a script; every other refusal is a 409: bid again, knowing more."""


def bid(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """Bid, and say what came of it."""
    home = reverse("lot", args=[slug, number])
    if not request.user.is_authenticated:
        return (
            JsonResponse({"error": "signed-out"}, status=401)
            if _is_script(request)
            else (redirect_to_login(home))
        )
    if request.method != "POST":
        return redirect(home)
    row = shown_lot(slug, number)
    try:
        decision = _decided(row, _offer(request, row))
    except ComeBack as busy:
        return _come_back(request, row, busy)
    except Refusal as refusal:
        return _refused(request, home, refusal)
    return _answer(request, row, decision, home)


def _offer(request: HttpRequest, row: Lot) -> Offer:
    """What was meant: a button's amount or the one that was typed, a maximum, both."""
    sent = request.POST
    key = words(sent.get("key"), most=60) or secrets.token_urlsafe(16)
    maximum = _fen(sent.get("maximum", ""))
    amount = _fen(sent.get("quick", "") or sent.get("amount", ""))
    if amount is None:
        amount = _least(row, me(request), key, maximum)
    confirmed = sent.get("confirmed") == "1"
    return Offer(row.pk, me(request), key, amount, maximum, confirmed)


def _fen(text: str) -> Fen | None:
    """None where nothing was written; what makes no sense is refused."""
    if not text.strip():
        return None
    found = fen_of(text)
    if found is None:
        raise BadAmount
    return found


def _least(row: Lot, user_id: int, key: str, maximum: Fen | None) -> Fen:
    """Only a maximum was named: as little as is valid, or what the same key meant before."""
    if maximum is None:
        raise BadAmount
    before = showing.amount_under(key, row.pk, user_id)
    return before or min(LotCard(row, clock.now()).least, maximum)


def _decided(row: Lot, offer: Offer) -> Decision:
    """The decision; a maximum that still reaches is bid again where somebody was quicker."""
    decision = committing.decided(offer)
    for again in range(1, TRIES):
        reaches = offer.maximum is not None and decision.least <= offer.maximum
        if decision.verdict != Verdict.TOO_LOW or not reaches:
            break
        key = f"{offer.key}.{again}"
        before = showing.amount_under(key, row.pk, offer.bidder)
        offer = replace(offer, key=key, amount=before or decision.least)
        decision = committing.decided(offer)
    return decision


def _answer(request: HttpRequest, row: Lot, decision: Decision, home: str) -> HttpResponseBase:
    refused = sentences.refusal(decision)
    said = refused.message if refused else sentences.praise(decision)
    if _is_script(request):
        status = STATUS.get(decision.verdict, 409) if refused else 200
        return JsonResponse(_figures(decision, said), status=status)
    if decision.verdict == Verdict.WILD:
        return _ask_again(request, row, decision, said)
    if refused:
        messages.error(request, said)
    else:
        (messages.success if decision.leads else messages.warning)(request, said)
    return redirect(home)


def _figures(decision: Decision, said: str) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "number": decision.n,
        "least": decision.next_least,
        "price": decision.price,
        "leads": decision.leads,
        "due": decision.due,
        "closes_at": milliseconds(decision.closes_at),
        "message": said,
        "key": secrets.token_urlsafe(16),
    }


def _ask_again(request: HttpRequest, row: Lot, decision: Decision, said: str) -> HttpResponse:
    """Is it meant? The amount stands there in figures; saying yes is a bid of its own."""
    context = {
        "lot": row,
        "offer": decision.offer,
        "least": decision.least,
        "said": said,
        "key": secrets.token_urlsafe(16),
    }
    return render(request, "web/auctions/confirm.html", context, status=409)


def _refused(request: HttpRequest, home: str, refusal: Refusal) -> HttpResponseBase:
    if _is_script(request):
        said = {"error": refusal.code, "message": refusal.message}
        return JsonResponse({**said, "key": secrets.token_urlsafe(16)}, status=400)
    messages.error(request, refusal.message)
    return redirect(home)


def _come_back(request: HttpRequest, row: Lot, busy: ComeBack) -> HttpResponse:
    headers = {"Retry-After": str(busy.seconds)}
    if _is_script(request):
        least = LotCard(row, clock.now()).least
        said = {"error": busy.code, "message": busy.message, "least": least}
        return JsonResponse(said, status=429, headers=headers)
    context = {"lot": row, "said": busy.message}
    answer = render(request, "web/auctions/busy.html", context, status=429)
    answer["Retry-After"] = headers["Retry-After"]
    return answer


def _is_script(request: HttpRequest) -> bool:
    return "json" in request.headers.get("Accept", "")


urlpatterns = [path("auctions/<slug:slug>/<int:number>/bid", bid, name="bid")]
