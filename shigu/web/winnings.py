"""What was won is arranged before it is paid: where it goes, one coupon; then on to the cashier.

`arrange` shows, `settle_on` takes both; once a cashier was opened they stand, and the page says so.
`decline` gives a second chance back. An order that is somebody else's, or of the shop, does not exist here.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.accounts import addresses
from shigu.accounts.models import Address
from shigu.auctions import arranging, lists
from shigu.auctions.errors_life import AddressFirst
from shigu.auctions.models import Award, Lot
from shigu.orders import cancelling
from shigu.orders.models import Order, Origin, Status
from shigu.web.address_form import AddressForm
from shigu.web.checkout_form import NEW, address_form
from shigu.web.inputs import whole
from shigu.web.limits import CHANGE
from shigu.web.lot_cards import LotCard
from shigu.web.own import own_order
from shigu.web.verbs import verb


@never_cache
@login_required
@require_safe
def arrange(request: HttpRequest, number: str) -> HttpResponse:
    """What was won, for how much, until when; address and coupon as they stand."""
    order = own_win(request, number)
    if order.status != Status.UNPAID:
        return redirect("order", number)
    if not order.is_payable(clock.now()):
        return redirect("result", number)
    return _page(request, order)


@verb(CHANGE, back="arrange")
def settle_on(request: HttpRequest, number: str) -> HttpResponse:
    """Write address and coupon onto the order, and go on to pay it."""
    order = own_win(request, number)
    sent, form = request.POST, None
    if sent.get("address") == NEW:
        form = address_form(sent)
        if not form.is_valid():
            return _page(request, order, form, status=422)
    where = _where(order.user_id, sent.get("address", ""), form)
    grant = whole(sent.get("coupon")) or None
    order = arranging.arrange(order.pk, by=order.user_id, sent_to=where, grant_id=grant)
    if form:  # only now: a refusal leaves nothing behind
        addresses.keep(order.user_id, form.place)
    return redirect("cashier" if order.status == Status.UNPAID else "result", number)


@verb(CHANGE, back="arrange")
def decline(request: HttpRequest, number: str) -> HttpResponse:
    """No to a second chance; winning binds, and is refused."""
    order = own_win(request, number)
    cancelling.cancel(order.pk, by=order.user_id)
    messages.success(request, _("The offer is declined. It costs you nothing."))
    return redirect("my_bids")


@never_cache
@login_required
@require_safe
def won_lot(request: HttpRequest, number: str) -> HttpResponse:
    """From an order to the page of what was won."""
    order = own_win(request, number)
    lot = Lot.objects.select_related("session").get(awards__order=order)
    return redirect("lot", lot.session.slug, lot.number)


def own_win(request: HttpRequest, number: str) -> Order:
    """The reader's own order of a lot; Http404 for everything else."""
    order = own_order(request, number)
    if order.origin != Origin.LOT:
        raise Http404
    return order


def _where(user_id: int, chosen: str, form: AddressForm | None) -> str:
    """The address as it goes onto the order."""
    if form:
        return str(Address(**asdict(form.place)))
    try:
        return str(addresses.of(user_id, whole(chosen) or 0))
    except Address.DoesNotExist as error:
        raise AddressFirst from error


def _page(
    request: HttpRequest, order: Order, form: AddressForm | None = None, status: int = 200
) -> HttpResponse:
    now = clock.now()
    award = Award.objects.get(order_id=order.pk)
    context: dict[str, Any] = {
        "order": order,
        "award": award,
        "card": LotCard(lists.shown_lots().get(pk=award.lot_id), now),
        "frozen": arranging.is_frozen(order),
        "choices": arranging.choices(order, now),
        "form": form or address_form(),
        "now": now,
        "nav": "my_bids",
    }
    context |= _places(order, bool(form))
    return render(request, "web/auctions/arrange.html", context, status=status)


def _places(order: Order, wants_new: bool) -> dict[str, Any]:
    """The address book, and the one that is chosen: the order's own, else the first."""
    mine = list(addresses.mine(order.user_id))
    same = next((str(one.pk) for one in mine if str(one) == order.sent_to), "")
    first = same or (str(mine[0].pk) if mine else NEW)
    return {"addresses": mine, "address": NEW if wants_new else first}


urlpatterns = [
    path("me/won/<slug:number>/", arrange, name="arrange"),
    path("me/won/<slug:number>/settle", settle_on, name="settle_award"),
    path("me/won/<slug:number>/lot/", won_lot, name="won_lot"),
    path("me/won/<slug:number>/decline", decline, name="decline_offer"),
]
