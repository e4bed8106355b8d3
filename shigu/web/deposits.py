"""Deposits 保证金 from asking for one to what became of it; paying one has pages of its own.

lot_deposit, session_deposit   ask to be admitted, go on to the cashier
deposit_cashier                how to pay it, until when, what it is for
deposit_result                 held, waited for, or what became of it in the end
Another person's deposit does not exist.
"""

from __future__ import annotations

import secrets

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.auctions import deposit_standing
from shigu.auctions.deposit_standing import DepositStanding, standing
from shigu.auctions.deposits import ask_for_lot, ask_for_session
from shigu.auctions.models import Deposit
from shigu.payments.paying import pay_from_balance
from shigu.payments.polling import poll
from shigu.web.inputs import words
from shigu.web.limits import PAY, PLACE, POLL, limited
from shigu.web.lots_page import shown_lot
from shigu.web.reader import me
from shigu.web.saleroom import shown_session
from shigu.web.verbs import verb
from shigu.web.ways import chosen_way, to_provider, ways_to_pay


@verb(PLACE, back="lot")
def lot_deposit(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask to bid on this lot."""
    row = shown_lot(slug, number)
    asked = ask_for_lot(me(request), row.pk, key=_key(request))
    return redirect("deposit_cashier", asked.number)


@verb(PLACE, back="session")
def session_deposit(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask to bid on everything of this session."""
    row = shown_session(slug)
    asked = ask_for_session(me(request), row.pk, key=_key(request))
    return redirect("deposit_cashier", asked.number)


@never_cache
@login_required
@require_safe
def deposit_cashier(request: HttpRequest, number: str) -> HttpResponse:
    """How much, until when, how; or what became of it."""
    found = own_deposit(request, number)
    if found.word != "unpaid":
        return redirect("deposit_result", number)
    ways = ways_to_pay(found.deposit.user_id, found.deposit.amount)
    return _show(request, "web/pay/deposit.html", found, ways=ways)


@verb(PAY, back="deposit_cashier")
def pay_deposit(request: HttpRequest, number: str) -> HttpResponse:
    """Pay from the balance at once, or send the browser to a provider."""
    row = own_deposit(request, number).deposit
    way = chosen_way(request)
    if way.provider == "balance":
        pay_from_balance("deposit", row.pk, user_id=row.user_id)
        return redirect("deposit_result", number)
    return to_provider("deposit", row.pk, way, user_id=row.user_id)


@never_cache
@login_required
@require_safe
def deposit_result(request: HttpRequest, number: str) -> HttpResponse:
    """It admits, is being waited for, or what became of it."""
    return _show(request, "web/pay/deposit_result.html", own_deposit(request, number))


@never_cache
@require_safe
@limited(POLL)
def deposit_state(request: HttpRequest, number: str) -> HttpResponseBase:
    """How it stands, for a page that waits; the provider is asked for what is still open."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": "signed-out"}, status=401)
    found = own_deposit(request, number)
    if found.word in ("unpaid", "asking"):
        poll("deposit", found.deposit.pk)
        found = own_deposit(request, number)
    return JsonResponse({"subject": number, "state": found.word})


def own_deposit(request: HttpRequest, number: str) -> DepositStanding:
    """The reader's own deposit and how it stands; Http404 for everybody else's."""
    try:
        return standing(deposit_standing.of(me(request), number), clock.now())
    except Deposit.DoesNotExist as error:
        raise Http404 from error


def _key(request: HttpRequest) -> str:
    return words(request.POST.get("key"), most=64) or secrets.token_urlsafe(16)


def _show(
    request: HttpRequest, template: str, found: DepositStanding, **more: object
) -> HttpResponse:
    context = {"found": found, "deposit": found.deposit, "now": clock.now(), **more}
    return render(request, template, context)


urlpatterns = [
    path("auctions/<slug:slug>/deposit", session_deposit, name="session_deposit"),
    path("auctions/<slug:slug>/<int:number>/deposit", lot_deposit, name="lot_deposit"),
    path("me/deposits/<slug:number>/", deposit_cashier, name="deposit_cashier"),
    path("me/deposits/<slug:number>/open", pay_deposit, name="pay_deposit"),
    path("me/deposits/<slug:number>/result/", deposit_result, name="deposit_result"),
    path("me/deposits/<slug:number>/state", deposit_state, name="deposit_state"),
]
