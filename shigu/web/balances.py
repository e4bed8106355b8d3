"""My balance: what is there, topping it up, and what moved it; paying a top-up has pages of its own.

my_balance           figure, form, statement
top_up               ask for an amount, go on to its cashier
top_up_cashier       how to pay it, until when
top_up_result        on the balance, still waiting, or over
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.kit.money import Fen
from shigu.ledger.models import Book, account
from shigu.orders import lists
from shigu.payments.paying import balance_of
from shigu.payments.polling import poll
from shigu.wallet import topping_up
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import Standing, standing
from shigu.web.inputs import fen_of, words
from shigu.web.limits import PAY, POLL, TOP_UP, limited
from shigu.web.reader import me
from shigu.web.statement_lines import statement_context
from shigu.web.verbs import verb
from shigu.web.ways import chosen_way, to_provider, ways_to_pay

PICKS: list[Fen] = [5_000, 10_000, 20_000, 50_000, 100_000]
"""Amounts to pick, in fen."""

OTHER = "other"


@never_cache
@login_required
@require_safe
def my_balance(request: HttpRequest) -> HttpResponse:
    """What is there, a form to have more, and the statement; `?amount=` proposes one."""
    user_id = me(request)
    wanted = fen_of(request.GET.get("amount"))
    context = statement_context(request, account(Book.BALANCE, user_id))
    context |= {
        "there": balance_of(user_id),
        "picks": [pick for pick in PICKS if _is_allowed(pick)],
        "wanted": min(max(wanted, settings.TOP_UP_LEAST), settings.TOP_UP_MOST) if wanted else None,
        "least": settings.TOP_UP_LEAST,
        "most": settings.TOP_UP_MOST,
        "key": secrets.token_urlsafe(16),
    }
    return render(request, "web/centre/balance.html", context)


@verb(TOP_UP, back="my_balance", named=False)
def top_up(request: HttpRequest) -> HttpResponse:
    """Ask for the amount that was picked or typed; what is no amount is refused with the limits."""
    pick = request.POST.get("pick", OTHER)
    text = request.POST.get("amount") if pick == OTHER else pick
    key = words(request.POST.get("key"), most=64) or secrets.token_urlsafe(16)
    asked = topping_up.ask_for(me(request), fen_of(text) or 0, key=key)
    return redirect("top_up_cashier", asked.number)


@never_cache
@login_required
@require_safe
def top_up_cashier(request: HttpRequest, number: str) -> HttpResponse:
    """How much, until when, how; or what became of it."""
    now = clock.now()
    found = own_top_up(request, number, now)
    if found.word != "unpaid":
        return redirect("top_up_result", number)
    row = found.top_up
    ways = ways_to_pay(row.user_id, row.amount, providers_only=True)
    context = {"found": found, "top_up": row, "ways": ways, "now": now}
    return render(request, "web/pay/top_up.html", context)


@verb(PAY, back="top_up_cashier")
def pay_top_up(request: HttpRequest, number: str) -> HttpResponse:
    """Open an attempt and send the browser to the provider."""
    row = own_top_up(request, number, clock.now()).top_up
    return to_provider("top-up", row.pk, chosen_way(request), user_id=row.user_id)


@never_cache
@login_required
@require_safe
def top_up_result(request: HttpRequest, number: str) -> HttpResponse:
    """The money is there, is being waited for, or will not come."""
    now = clock.now()
    found = own_top_up(request, number, now)
    context: dict[str, Any] = {"found": found, "top_up": found.top_up, "now": now}
    if found.word == "paid":
        user_id = found.top_up.user_id
        context |= {"there": balance_of(user_id), "waiting": lists.payable(user_id, now)}
    return render(request, "web/pay/top_up_result.html", context)


@never_cache
@require_safe
@limited(POLL)
def top_up_state(request: HttpRequest, number: str) -> HttpResponseBase:
    """How it stands, for a page that waits; the provider is asked for what is still open."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": "signed-out"}, status=401)
    found = own_top_up(request, number, clock.now())
    if found.is_moving:
        poll("top-up", found.top_up.pk)
        found = own_top_up(request, number, clock.now())
    return JsonResponse({"subject": number, "state": found.word})


def own_top_up(request: HttpRequest, number: str, now: datetime) -> Standing:
    """The reader's own top-up and how it stands; Http404 for everybody else's."""
    try:
        return standing(topping_up.of(me(request), number), now)
    except TopUp.DoesNotExist as error:
        raise Http404 from error


def _is_allowed(amount: Fen) -> bool:
    return settings.TOP_UP_LEAST <= amount <= settings.TOP_UP_MOST


urlpatterns = [
    path("me/balance/", my_balance, name="my_balance"),
    path("me/balance/top-up", top_up, name="top_up"),
    path("me/top-ups/<slug:number>/", top_up_cashier, name="top_up_cashier"),
    path("me/top-ups/<slug:number>/open", pay_top_up, name="pay_top_up"),
    path("me/top-ups/<slug:number>/result/", top_up_result, name="top_up_result"),
    path("me/top-ups/<slug:number>/state", top_up_state, name="top_up_state"),
]
