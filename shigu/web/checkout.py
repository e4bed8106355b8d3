"""Confirm: everything on one page before an order stands, and the one button that places it.

What is ordered comes from the selected lines of the cart, or from `?sku=…&quantity=…` alone. The form
carries what the buyer saw (SKU, pieces, price per piece), so that whatever changed since is refused and
named; the page then shows how it stands now, with everything that was entered kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.accounts import addresses
from shigu.accounts.addresses import Place
from shigu.accounts.models import Address
from shigu.catalogue import lists
from shigu.catalogue.models import Sku
from shigu.kit.errors import Refusal
from shigu.orders.admission import MOST_PIECES, Choice, Placing
from shigu.orders.committing import place as place_order
from shigu.orders.errors import AddressMissing, AwaitingPayment, CartChanged, NothingChosen
from shigu.web.address_form import AddressForm
from shigu.web.baskets import Basket, of_cart, of_choice
from shigu.web.inputs import name_of, whole
from shigu.web.limits import PLACE
from shigu.web.reader import me
from shigu.web.verbs import verb

NEW = "new"


@dataclass(frozen=True, slots=True)
class Item:
    """One line as the form carries it: `sku:pieces:seen` and, from the cart, `:line`."""

    sku: int
    pieces: int
    seen: int
    line: int = 0

    def __str__(self) -> str:
        return ":".join(map(str, (self.sku, self.pieces, self.seen, self.line)))


@dataclass(frozen=True, slots=True)
class Entered:
    """What the buyer chose and typed, kept over a refusal."""

    address: str = ""
    form: AddressForm = field(default_factory=lambda: _address_form())
    key: str = ""
    refusal: Refusal | None = None


@never_cache
@login_required
@require_safe
def confirm(request: HttpRequest) -> HttpResponse:
    """The selected lines of the cart, or one SKU alone."""
    now = clock.now()
    basket = _asked(request, now) if "sku" in request.GET else of_cart(me(request), now)
    if basket is None:
        messages.error(request, _("This cannot be bought here. Choose it again."))
        return redirect("home")
    return _page(request, basket, Entered(), now)


@verb(PLACE, back="cart", named=False)
def place(request: HttpRequest) -> HttpResponseBase:
    """Place the order and go on to the cashier; what costs nothing is paid and goes to its result."""
    items = read_items(request.POST.get("items", ""))
    if not items:
        raise CartChanged
    entered = _entered(request)
    try:
        if entered.address == NEW and not entered.form.is_valid():
            return _again(request, items, entered)
        sent_to = _sent_to(me(request), entered)
        placed = place_order(_placing(me(request), items, sent_to, entered.key))
    except Refusal as refusal:
        kept = _chosen_address(entered, me(request))
        return _again(request, items, Entered(kept, entered.form, entered.key, refusal))
    free = not any(item.seen for item in items)
    return redirect("result" if free else "cashier", placed.number)


def read_items(text: str) -> list[Item]:
    """The lines that a form carries; nothing where any of them makes no sense."""
    items = []
    for part in text[:20_000].split(","):
        numbers = [whole(piece) for piece in part.split(":")]
        if len(numbers) != 4 or None in numbers:
            return []
        items.append(Item(*(number or 0 for number in numbers)))
    return items


def cart_key(user_id: int, items: list[Item]) -> str:
    """One cart as it stands is one order, from however many tabs it is sent."""
    lines = sorted((item.line, item.sku, item.pieces) for item in items)
    return hashlib.sha256(f"{user_id} {lines}".encode()).hexdigest()


def _placing(user_id: int, items: list[Item], sent_to: str, key: str) -> Placing:
    lines = tuple(item.line for item in items if item.line)
    if lines and len(lines) != len(items):
        raise CartChanged
    return Placing(
        user_id,
        cart_key(user_id, items) if lines else f"one {key}",
        tuple(Choice(item.sku, item.pieces, item.seen) for item in items),
        sent_to=sent_to,
        cart_lines=lines,
    )


def _entered(request: HttpRequest) -> Entered:
    wanted = request.POST.get("address", "")
    return Entered(
        address=NEW if wanted == NEW else str(whole(wanted) or ""),
        form=_address_form(request.POST if wanted == NEW else None),
        key=name_of(request.POST.get("key")) or secrets.token_hex(16),
    )


def _address_form(data: QueryDict | None = None) -> AddressForm:
    """Its fields are out of sight while another address is chosen: the browser must not insist on them."""
    return AddressForm(data, prefix="to", use_required_attribute=False)


def _sent_to(user_id: int, entered: Entered) -> str:
    """The address as it goes onto the order; a new one is kept, once, for next time."""
    if entered.address == NEW:
        return str(_kept(user_id, entered.form.place))
    if not entered.address:
        return ""
    try:
        return str(addresses.of(user_id, int(entered.address)))
    except Address.DoesNotExist as error:
        raise AddressMissing from error


def _kept(user_id: int, new: Place) -> Address:
    for address in addresses.mine(user_id):
        if (address.name, address.phone, address.region, address.street) == (
            new.name,
            new.phone,
            new.region,
            new.street,
        ):
            return address
    return addresses.add(user_id, new)


def _chosen_address(entered: Entered, user_id: int) -> str:
    """After a refusal a new address may be kept already: then it is the one that stays chosen."""
    if entered.address != NEW or not entered.form.is_valid():
        return entered.address
    text = str(Address(**{name: getattr(entered.form.place, name) for name in addresses.LENGTHS}))
    return next((str(a.pk) for a in addresses.mine(user_id) if str(a) == text), NEW)


def _asked(request: HttpRequest, now: datetime) -> Basket | None:
    """The one SKU of the address; None where it names none."""
    pieces = whole(request.GET.get("quantity"), least=1, most=MOST_PIECES) or 1
    return _alone(me(request), whole(request.GET.get("sku")) or 0, pieces, now)


def _alone(user_id: int, sku_id: int, pieces: int, now: datetime) -> Basket | None:
    try:
        sku = lists.sku(sku_id)
    except Sku.DoesNotExist:
        return None
    goods = lists.free(sku) is not None
    return of_choice(user_id, sku, min(max(pieces, 1), MOST_PIECES) if goods else 1, now)


def _again(request: HttpRequest, items: list[Item], entered: Entered) -> HttpResponse:
    """The page as it stands now, after a refusal or a wrong address."""
    now = clock.now()
    if items[0].line:
        return _page(request, of_cart(me(request), now), entered, now)
    basket = _alone(me(request), items[0].sku, items[0].pieces, now)
    if basket is None:
        raise CartChanged
    return _page(request, basket, entered, now)


def _page(request: HttpRequest, basket: Basket, entered: Entered, now: datetime) -> HttpResponse:
    from_cart = any(row.line for row in basket.rows) or not basket.rows
    if from_cart and not basket.ordered:
        messages.error(request, (entered.refusal or NothingChosen()).message)
        return redirect("cart")
    rows = basket.ordered if from_cart else list(basket.rows)
    goods = any(row.is_goods for row in rows)
    mine = list(addresses.mine(me(request))) if goods else []
    context = {
        "basket": basket,
        "rows": rows,
        "left_behind": len([row for row in basket.stale if row.selected]) if from_cart else 0,
        "blocked": not basket.ordered,
        "needs_address": goods,
        "addresses": mine,
        "address": (entered.address or _first(mine)) if goods else "",
        "form": entered.form,
        "items": ",".join(str(Item(r.sku.pk, r.quantity, r.sku.price, r.line)) for r in rows),
        "key": entered.key or secrets.token_hex(16),
        "refusal": entered.refusal,
        "waiting": _waiting(entered.refusal),
        "now": now,
    }
    status = 409 if entered.refusal else 422 if entered.form.errors else 200
    return render(request, "web/shop/confirm.html", context, status=status)


def _first(mine: Sequence[Address]) -> str:
    return str(mine[0].pk) if mine else NEW


def _waiting(refusal: Refusal | None) -> str:
    """The number of the unpaid order that stands in the way."""
    return str(refusal.fill["number"]) if isinstance(refusal, AwaitingPayment) else ""


urlpatterns = [
    path("confirm/", confirm, name="confirm"),
    path("confirm/place/", place, name="place"),
]
