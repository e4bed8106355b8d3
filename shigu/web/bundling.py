"""Bundles on a product's page: what else belongs to one, and the button that puts all of it into the cart.

Of each product the bundle takes the choice that the form names, else the cheapest that can be had. What
cannot go into the cart says why; the rest goes in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path

from shigu import clock
from shigu.catalogue import activities, lists
from shigu.catalogue.activities import Running
from shigu.catalogue.lists import Offer
from shigu.catalogue.models import ActivityKind, Product, Reach, Sku
from shigu.web.carts import put
from shigu.web.labels import Deal, Labels
from shigu.web.limits import CHANGE
from shigu.web.verbs import verb


@dataclass(frozen=True, slots=True)
class Together:
    """A deal as a product's page shows it; of a bundle also the other products, all of which can be had."""

    deal: Deal
    others: tuple[Offer, ...] = ()


def deals(labels: Labels, product: Product) -> list[Together]:
    """What more pieces or other products would save; one query where there are bundles, else none."""
    found = labels.deals(product)
    ids = {pk for deal in found if deal.is_bundle for pk in deal.activity.scope.ids}
    offers = lists.chosen(ids - {product.pk}) if ids else {}
    return [
        Together(deal, others)
        for deal in found
        for others in [_others(deal, product, offers)]
        if others is not None
    ]


def _others(deal: Deal, product: Product, offers: dict[int, Offer]) -> tuple[Offer, ...] | None:
    """Nothing for 满减; None for a bundle of which something is not on sale or sold out."""
    if not deal.is_bundle:
        return ()
    others = [offers.get(pk) for pk in sorted(deal.activity.scope.ids - {product.pk})]
    whole = tuple(offer for offer in others if offer is not None and offer.left != 0)
    return whole if whole and len(whole) == len(others) else None


@verb(CHANGE, back="cart", named=False)
def add(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Put every product of a running bundle into the cart."""
    for sku in _choices(_bundle(pk), request.POST.getlist("sku")):
        put(request, sku)
    return redirect("cart")


def _bundle(pk: int) -> Running:
    found = next((one for one in activities.running(clock.now()) if one.id == pk), None)
    if not found or found.kind != ActivityKind.BUNDLE or found.scope.reach != Reach.PRODUCT:
        raise Http404
    return found


def _choices(bundle: Running, asked: Iterable[str]) -> list[Sku]:
    """One choice of each product, in one query: what was asked for, then what can be had, then the cheapest."""
    wanted = set(asked)

    def rank(sku: Sku) -> tuple[bool, bool, int]:
        return str(sku.pk) not in wanted, lists.free(sku) == 0, sku.price

    return [min(skus, key=rank) for skus in lists.choices_of(bundle.scope.ids).values()]


urlpatterns = [path("cart/bundle/<int:pk>/", add, name="cart_bundle")]
