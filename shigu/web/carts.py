"""The cart: what is in it, what it comes to, and the buttons that change it.

Each verb is a POST that leads back to the cart. With a script the cart asks for itself (`HX-Request`) and
swaps what changed; without one the same forms load the page. Another's line does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from shigu import clock
from shigu.catalogue import lists
from shigu.catalogue.models import Sku
from shigu.kit.errors import Refusal
from shigu.orders import cart as carts
from shigu.orders.admission import MOST_PIECES
from shigu.orders.errors import BadQuantity
from shigu.orders.models import CartLine
from shigu.web.baskets import of_cart
from shigu.web.inputs import whole
from shigu.web.labels import labels
from shigu.web.limits import Limit, limited
from shigu.web.reader import me
from shigu.web.savings import next_steps, taken_off
from shigu.web.verbs import leave, verb, where_from

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

CART = Limit("cart", 180)


def changes_cart(view: View[P]) -> View[P]:
    """A verb on the cart; a line or a SKU that is not there is a page that is not there."""

    @wraps(view)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (CartLine.DoesNotExist, Sku.DoesNotExist) as error:
            raise Http404 from error

    return verb(CART, back="cart", named=False)(inner)


@never_cache
@login_required
@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    """The whole cart; for a script the part of the page that changes."""
    now = clock.now()
    basket = of_cart(me(request), now)
    hot = [] if basket.rows else labels(request, now).hottest(2)
    part = request.headers.get("HX-Request") == "true"
    template = "web/shop/_cart_changed.html" if part else "web/shop/cart.html"
    context = {"offs": taken_off(basket.quote), "steps": next_steps(basket)}
    return render(request, template, {"basket": basket, "hot": hot, "now": now, **context})


@require_POST
def add(request: HttpRequest) -> HttpResponseBase:
    """Put a choice into the cart and stay; or, with `act=buy`, go on to confirm with it alone.

    A visitor signs in first and comes back to the same product, the choice kept.
    """
    sku, pieces = _sku(request), _pieces(request)
    if request.POST.get("act") == "buy":
        return leave(request, f"{reverse('confirm')}?sku={sku.pk}&quantity={pieces or 1}")
    if not request.user.is_authenticated:
        return leave(request, f"{reverse('product', args=[sku.product.slug])}?sku={sku.pk}")
    return _add(request, sku, pieces)


@limited(CART)
def _add(request: HttpRequest, sku: Sku, pieces: int | None) -> HttpResponseBase:
    put(request, sku, pieces)
    if request.headers.get("HX-Request") == "true":
        return render(request, "web/shop/_added.html")
    return redirect(where_from(request, reverse("cart")))


def put(request: HttpRequest, sku: Sku, pieces: int | None = 1) -> None:
    """Into the reader's cart; a message tells that it is there, or why not."""
    try:
        carts.add(me(request), sku.pk, _required(pieces))
        messages.success(request, _("“%(name)s” is in your cart.") % {"name": sku.product.name})
    except Refusal as refusal:
        messages.error(request, refusal.message)


@changes_cart
def quantity(request: HttpRequest, line: int) -> HttpResponse:
    """How many pieces."""
    carts.change_quantity(me(request), line, _required(_pieces(request)))
    return redirect("cart")


@changes_cart
def choice(request: HttpRequest, line: int) -> HttpResponse:
    """Another validity or variant."""
    carts.change_choice(me(request), line, _sku(request).pk)
    return redirect("cart")


@changes_cart
def select(request: HttpRequest, line: int) -> HttpResponse:
    """Choose a line for ordering, or leave it for later."""
    carts.select(me(request), [line], selected="selected" in request.POST)
    return redirect("cart")


@changes_cart
def select_all(request: HttpRequest) -> HttpResponse:
    """Choose every line that can be ordered, or none."""
    lines = [row.line for row in of_cart(me(request), clock.now()).usable]
    carts.select(me(request), lines, selected="selected" in request.POST)
    return redirect("cart")


@changes_cart
def remove(request: HttpRequest, line: int) -> HttpResponse:
    """Take a line out."""
    carts.remove(me(request), line)
    return redirect("cart")


@changes_cart
def tidy(request: HttpRequest) -> HttpResponse:
    """Take out every line that cannot be ordered."""
    for row in of_cart(me(request), clock.now()).stale:
        carts.remove(me(request), row.line)
    return redirect("cart")


def _sku(request: HttpRequest) -> Sku:
    try:
        return lists.sku(whole(request.POST.get("sku")) or 0)
    except Sku.DoesNotExist as error:
        raise Http404 from error


def _pieces(request: HttpRequest) -> int | None:
    """The quantity as it was sent; 1 where none was, None for what is no quantity."""
    return whole(request.POST.get("quantity", "1"), least=1, most=MOST_PIECES)


def _required(pieces: int | None) -> int:
    if pieces is None:
        raise BadQuantity
    return pieces


urlpatterns = [
    path("cart/", cart, name="cart"),
    path("cart/add/", add, name="cart_add"),
    path("cart/all/", select_all, name="cart_select_all"),
    path("cart/tidy/", tidy, name="cart_tidy"),
    path("cart/<int:line>/quantity/", quantity, name="cart_quantity"),
    path("cart/<int:line>/choice/", choice, name="cart_choice"),
    path("cart/<int:line>/select/", select, name="cart_select"),
    path("cart/<int:line>/remove/", remove, name="cart_remove"),
]
