"""Confirm: everything on one page before an order stands, and the one button that places it.

What is ordered comes from the selected lines of the cart, or from `?sku=…&quantity=…` (and `&renew=1` for a
course that runs) alone. The form carries what the buyer saw, so that whatever changed since is refused and
named; the page then shows how it stands now, with everything that was entered kept. `update` shows the
figures for another coupon or other credits.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.accounts import addresses
from shigu.accounts.models import Address
from shigu.catalogue import lists
from shigu.catalogue.models import Sku
from shigu.kit.errors import Refusal
from shigu.kit.money import Fen
from shigu.orders.admission import MOST_PIECES, Placing
from shigu.orders.committing import place as place_order
from shigu.orders.errors import (
    AddressMissing,
    AwaitingPayment,
    BadCredits,
    CartChanged,
    NothingChosen,
)
from shigu.orders.models import Order
from shigu.orders.placing import Placed
from shigu.web.baskets import Basket, Row, of_cart, of_choice
from shigu.web.bills import bill_of
from shigu.web.checkout_form import NEW, Entered, Item, changes, entered_of, item_of, read_items
from shigu.web.inputs import whole
from shigu.web.limits import PLACE, Limit
from shigu.web.reader import me
from shigu.web.request_log import about
from shigu.web.verbs import leave, verb

FIGURES = Limit("figures", 240)


@never_cache
@login_required
@require_safe
def confirm(request: HttpRequest) -> HttpResponseBase:
    """The selected lines of the cart, or one SKU alone."""
    now = clock.now()
    basket = _asked(request, now) if "sku" in request.GET else of_cart(me(request), now)
    if basket is None:
        messages.error(request, _("This cannot be bought here. Choose it again."))
        return redirect("home")
    return _page(request, basket, Entered(), now)


@verb(FIGURES, back="cart", named=False)
def update(request: HttpRequest) -> HttpResponseBase:
    """The same page with the figures for what is chosen now; nothing is ordered. A script gets the parts."""
    items = read_items(request.POST.get("items", ""))
    if not items:
        raise CartChanged
    return _again(request, items, entered_of(request, check=False))


@verb(PLACE, back="cart", named=False)
def place(request: HttpRequest) -> HttpResponseBase:
    """Place the order and go on to the cashier; what costs nothing is paid and goes to its result."""
    items = read_items(request.POST.get("items", ""))
    if not items:
        raise CartChanged
    entered = entered_of(request, check=True)
    try:
        if entered.address == NEW and not entered.form.is_valid():
            return _again(request, items, entered)
        placing = _placing(me(request), items, entered)
        placed = place_order(placing)
    except Refusal as refusal:
        kept = replace(entered, address=_chosen_address(entered, me(request)), refusal=refusal)
        return _again(request, items, kept)
    about(placed.number)
    payable = _standing(request, placed, placing) if placed.repeated else placing.payable
    return redirect("cashier" if payable else "result", placed.number)


def cart_key(user_id: int, items: Sequence[Item]) -> str:
    """One cart as it stands is one order, from however many tabs it is sent.

    Coupon and credits are no part of it: the lines leave the cart with the first order, so a second one of
    the same lines cannot be; who sent other choices is told that the first stands.
    """
    lines = sorted((item.line, item.sku, item.pieces) for item in items)
    return hashlib.sha256(f"{user_id} {lines}".encode()).hexdigest()


def _placing(user_id: int, items: Sequence[Item], entered: Entered) -> Placing:
    lines = tuple(item.line for item in items if item.line)
    if (lines and len(lines) != len(items)) or entered.payable is None:
        raise CartChanged
    if entered.credits is None:
        raise BadCredits
    return Placing(
        user_id,
        cart_key(user_id, items) if lines else f"one {entered.key}",
        tuple(item.choice for item in items),
        sent_to=_sent_to(user_id, entered),
        cart_lines=lines,
        grant_id=int(entered.coupon) if entered.coupon.isdigit() else None,
        credits=entered.credits,
        payable=entered.payable,
    )


def _standing(request: HttpRequest, placed: Placed, placing: Placing) -> Fen:
    """What the order that stood before comes to; whoever asked for other things now is told."""
    order = Order.objects.get(pk=placed.order_id)
    asked = (placing.grant_id, placing.credits, placing.sent_to)
    if (order.grant_id, order.credits, order.sent_to) != asked:
        messages.warning(request, _("This was ordered before, as it was chosen then: here it is."))
    return order.payable


def _sent_to(user_id: int, entered: Entered) -> str:
    """The address as it goes onto the order; a new one is kept, once, for next time."""
    if entered.address == NEW:
        return str(addresses.keep(user_id, entered.form.place))
    if not entered.address:
        return ""
    try:
        return str(addresses.of(user_id, int(entered.address)))
    except Address.DoesNotExist as error:
        raise AddressMissing from error


def _chosen_address(entered: Entered, user_id: int) -> str:
    """After a refusal a new address may be kept already: then it is the one that stays chosen."""
    if entered.address != NEW or not entered.form.is_valid():
        return entered.address
    text = str(Address(**{name: getattr(entered.form.place, name) for name in addresses.LENGTHS}))
    return next((str(a.pk) for a in addresses.mine(user_id) if str(a) == text), NEW)


def _asked(request: HttpRequest, now: datetime) -> Basket | None:
    """The one SKU of the address; None where it names none."""
    pieces = whole(request.GET.get("quantity"), least=1, most=MOST_PIECES) or 1
    sku = whole(request.GET.get("sku")) or 0
    return _alone(me(request), sku, pieces, now, renew=request.GET.get("renew") == "1")


def _alone(user_id: int, sku_id: int, pieces: int, now: datetime, *, renew: bool) -> Basket | None:
    try:
        sku = lists.sku(sku_id)
    except Sku.DoesNotExist:
        return None
    goods = lists.free(sku) is not None
    pieces = min(max(pieces, 1), MOST_PIECES) if goods else 1
    return of_choice(user_id, sku, pieces, now, renew=renew)


def _again(request: HttpRequest, items: Sequence[Item], entered: Entered) -> HttpResponseBase:
    """The page as it stands now: for other choices, after a refusal, for a wrong address."""
    now, first = clock.now(), items[0]
    if first.line:
        return _page(request, of_cart(me(request), now), entered, now, items)
    basket = _alone(me(request), first.sku, first.pieces, now, renew=bool(first.renew))
    if basket is None:
        raise CartChanged
    return _page(request, basket, entered, now, items)


def _page(
    request: HttpRequest,
    basket: Basket,
    entered: Entered,
    now: datetime,
    shown: Sequence[Item] = (),
) -> HttpResponseBase:
    from_cart = any(row.line for row in basket.rows) or not basket.rows
    if from_cart and not basket.ordered:
        messages.error(request, (entered.refusal or NothingChosen()).message)
        return leave(request, reverse("cart"))
    rows = basket.ordered if from_cart else list(basket.rows)
    context = {
        "basket": basket,
        "rows": rows,
        "bill": bill_of(basket, now, coupon=entered.coupon, asked=entered.credits or 0),
        "left_behind": len([row for row in basket.stale if row.selected]) if from_cart else 0,
        "blocked": not basket.ordered,
        "items": ",".join(str(item_of(row)) for row in rows),
        "key": entered.key or secrets.token_hex(16),
        "entered": entered,
        "form": entered.form,
        "refusal": entered.refusal,
        "waiting": _waiting(entered.refusal),
        "changes": changes(shown, rows, told=entered.refusal),
        "now": now,
        **_where(me(request), rows, entered),
    }
    part = request.headers.get("HX-Request") == "true"
    template = "web/shop/_confirm_changed.html" if part else "web/shop/confirm.html"
    return render(request, template, context, status=200 if part else _status(entered))


def _status(entered: Entered) -> int:
    return 409 if entered.refusal else 422 if entered.form.errors else 200


def _where(user_id: int, rows: Sequence[Row], entered: Entered) -> dict[str, object]:
    """Addresses, and the one that is chosen; asked only where goods are ordered."""
    goods = any(row.is_goods for row in rows)
    mine = list(addresses.mine(user_id)) if goods else []
    first = str(mine[0].pk) if mine else NEW
    chosen = (entered.address or first) if goods else ""
    return {"needs_address": goods, "addresses": mine, "address": chosen}


def _waiting(refusal: Refusal | None) -> str:
    """The number of the unpaid order that stands in the way."""
    return str(refusal.fill["number"]) if isinstance(refusal, AwaitingPayment) else ""


urlpatterns = [
    path("confirm/", confirm, name="confirm"),
    path("confirm/update/", update, name="confirm_update"),
    path("confirm/place/", place, name="place"),
]
