"""From the cashier to the result: choose how to pay, go there, come back, see what became of it.

`cashier` shows an order that waits for its payment, with the drum. Where it does not wait any more the
same address says so: time's up, cancelled, or on to the `result`. Nothing here decides anything: paying
opens an attempt (`payments.opening`), and the order turns when the money is heard of; the balance pays at
once (`payments.paying`).
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.learning.courses import of_lines
from shigu.orders import credits
from shigu.orders.models import Status
from shigu.orders.standing import standings
from shigu.payments.paying import pay_from_balance
from shigu.payments.polling import poll
from shigu.web.limits import PAY, POLL, limited
from shigu.web.live import stream_address
from shigu.web.order_cards import Card, card_of
from shigu.web.own import own_order
from shigu.web.verbs import verb
from shigu.web.ways import chosen_way, to_provider, ways_to_pay


@never_cache
@login_required
@require_safe
def cashier(request: HttpRequest, number: str) -> HttpResponse:
    """The order, how much, until when; or what became of it."""
    card = card_of(own_order(request, number), clock.now())
    if card.order.status in (Status.PAID, Status.REFUNDED):
        return redirect("result", number)
    if card.order.status != Status.UNPAID:
        return _ended(request, card)
    if not card.is_payable:
        return _show(request, "web/pay/waiting.html", card)
    if card.is_of_a_lot and not card.order.sent_to:
        return redirect("arrange", number)
    ways = ways_to_pay(card.order.user_id, card.order.payable)
    return _show(request, "web/pay/cashier.html", card, ways=ways)


@never_cache
@login_required
@require_safe
def result(request: HttpRequest, number: str) -> HttpResponse:
    """What became of the payment: bought, still waiting, or the money goes back."""
    card = card_of(own_order(request, number), clock.now())
    if card.order.status == Status.UNPAID:
        return _show(request, "web/pay/waiting.html", card)
    if card.is_paid:
        enrolments = of_lines([line.pk for line in card.courses])
        bought = [(line, enrolments.get(line.pk)) for line in card.courses]
        left = credits.of(card.order.user_id)
        return _show(request, "web/pay/result.html", card, bought=bought, credits_left=left)
    if card.order.status in (Status.PAID, Status.REFUNDED):
        return redirect("order", number)
    return _ended(request, card)


@verb(PAY, back="cashier")
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """Pay from the balance at once, or send the browser to a provider; a refusal is shown at the cashier."""
    order = own_order(request, number)
    way = chosen_way(request)
    if way.provider == "balance":
        pay_from_balance("order", order.pk, user_id=order.user_id)
        return redirect("result", number)
    return to_provider("order", order.pk, way, user_id=order.user_id)


@never_cache
@require_safe
@limited(POLL)
def state(request: HttpRequest, number: str) -> HttpResponseBase:
    """How the order stands, for a page without a stream; an unpaid one is asked for at the provider."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": "signed-out"}, status=401)
    order = own_order(request, number)
    if order.status == Status.UNPAID:
        poll("order", order.pk)
    standing = standings([order.pk])[order.pk]
    return JsonResponse({"subject": standing.number, "state": standing.word})


def _ended(request: HttpRequest, card: Card) -> HttpResponse:
    return _show(request, "web/pay/ended.html", card, headline=_headline(card))


def _headline(card: Card) -> str:
    if card.funds.refunds:
        return _("Your money goes back to you")
    if card.order.status == Status.EXPIRED:
        return _("Time's up")
    return _("Order cancelled")


def _show(request: HttpRequest, template: str, card: Card, **more: object) -> HttpResponse:
    watched = [card.order.pk] if card.standing.is_moving else []
    stream = stream_address(request, watched)
    context = {"card": card, "order": card.order, "now": card.now, "stream": stream, **more}
    return render(request, template, context)


urlpatterns = [
    path("pay/<slug:number>/", cashier, name="cashier"),
    path("pay/<slug:number>/open", pay, name="pay"),
    path("pay/<slug:number>/result/", result, name="result"),
    path("pay/<slug:number>/state", state, name="pay_state"),
]
