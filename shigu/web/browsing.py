"""The shop window: home, the lists of courses and goods, search, one product.

Everything here is read by GET and needs no sign-in. Lists swap in place where there is a script and are
ordinary pages where there is none; an address that means nothing shows the whole list and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.catalogue import activities, lists
from shigu.catalogue.activity_words import said
from shigu.catalogue.models import Activity, Kind, Product, Sku
from shigu.orders import credits
from shigu.orders.admission import MOST_PIECES
from shigu.web import bundling
from shigu.web.front import front
from shigu.web.inputs import whole
from shigu.web.labels import Card, Label, Labels, labels
from shigu.web.reader import in_hand
from shigu.web.shelves import SIZES, Shelf, read, read_search

HEADLINES: dict[str, str | Promise] = {Kind.COURSE: _("Courses"), Kind.GOODS: _("Goods")}


class Choice(NamedTuple):
    """What can be chosen of a product: pieces left (None for a course), its price for this reader."""

    sku: Sku
    left: int | None
    label: Label


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What runs and comes, what is hot and what is new: built beforehand, or in a fixed number of queries."""
    now = clock.now()
    return render(request, "web/shop/home.html", {"now": now, "front": front(request, now)})


@require_safe
def courses(request: HttpRequest) -> HttpResponse:
    """Courses by direction, category, level and price."""
    priced = labels(request, clock.now())
    return _list(request, read(request.GET, Kind.COURSE, priced.alone), priced)


@require_safe
def goods(request: HttpRequest) -> HttpResponse:
    """Goods by department, category and price."""
    priced = labels(request, clock.now())
    return _list(request, read(request.GET, Kind.GOODS, priced.alone), priced)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Courses and goods by words in Chinese or English; without words, where to start."""
    priced = labels(request, clock.now())
    shelf = read_search(request.GET, priced.alone)
    if not shelf.wish.words:
        return render(request, "web/shop/search.html", {"q": "", "hot": priced.hottest(4)})
    return _list(request, shelf, priced, template="web/shop/search.html")


@require_safe
def activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that one activity covers, while it runs and shortly before."""
    now = clock.now()
    row = Activity.objects.prefetch_related("steps").filter(pk=pk, ends_at__gt=now).first()
    if row is None:
        raise Http404
    [found] = activities.facts([row])
    priced = labels(request, now)
    shelf = read_search(request.GET, priced.alone, found.scope)
    starts = row.starts_at if row.starts_at > now else None
    more: dict[str, Any] = {
        "activity": found,
        "does": said(found),
        "starts_at": starts,
        "headline": found.name,
    }
    return _list(request, shelf, priced, **more)


def _hot(priced: Labels, kind: str) -> list[Card]:
    """What stands under an empty list: of its kind, or of both."""
    return priced.of_offers(lists.hottest(kind, 4)) if kind else priced.hottest(2)


def _list(
    request: HttpRequest,
    shelf: Shelf,
    priced: Labels,
    *,
    template: str = "web/shop/list.html",
    **more: Any,
) -> HttpResponse:
    page, offers = shelf.page()
    context = {
        "shelf": shelf,
        "page": page,
        "offers": priced.of_offers(offers),
        "sizes": SIZES,
        "size": shelf.size,
        "headline": HEADLINES.get(shelf.wish.kind, ""),
        "q": shelf.wish.words,
        "hot": [] if offers else _hot(priced, shelf.wish.kind),
        "tries": [] if offers else shelf.tries(),
    }
    return render(request, template, {**context, **more})


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One course or one kind of goods with its choices; taken down, a page that says so."""
    now = clock.now()
    try:
        row = lists.on_sale(slug)
    except Product.DoesNotExist:
        hot = labels(request, now).hottest(2)
        return render(request, "web/shop/gone.html", {"hot": hot}, status=404)
    priced, mine, skus = (
        labels(request, now),
        in_hand(request.user.pk, row, now),
        lists.choices(row.pk),
    )
    choices = [
        Choice(sku, lists.free(sku), priced.of_sku(sku, row, renew=mine.runs)) for sku in skus
    ]
    context = {
        "product": row,
        "choices": choices,
        "in_hand": mine,
        "now": now,
        "nav": "courses" if row.kind == Kind.COURSE else "goods",
        "deals": bundling.deals(priced, row),
        **_chosen(choices, whole(request.GET.get("sku"))),
    }
    return render(request, "web/shop/product.html", context | _asides(context, row, priced))


def _chosen(choices: Sequence[Choice], wanted: int | None) -> dict[str, Any]:
    """The choice that stands selected: the one asked for, else the first that can be had."""
    can = [choice for choice in choices if choice.left != 0]
    found = next((choice for choice in can if choice.sku.pk == wanted), can[0] if can else None)
    left = found.left if found else 0
    return {
        "chosen": found.sku if found else None,
        "label": found.label if found else None,
        "most": MOST_PIECES if left is None else min(left, MOST_PIECES),
    }


def _asides(context: dict[str, Any], row: Product, priced: Labels) -> dict[str, Any]:
    """What is said beside the price: activities of any choice, credits, what students pay."""
    found: list[Choice] = context["choices"]
    runs = {one.label.activity.id: one.label.activity for one in found if one.label.activity}
    dearest = max((one.label.price for one in found), default=0)
    most = max((one.label.credits for one in found), default=0)
    return {
        "runs": list(runs.values()),
        "any_was": next((one.label.was for one in found if one.label.was), None),
        "credits": most,
        "credits_off": credits.worth(most),
        "for_students": priced.for_students(row, dearest),
    }


urlpatterns = [
    path("", home, name="home"),
    path("courses/", courses, name="courses"),
    path("goods/", goods, name="goods"),
    path("search/", search, name="search"),
    path("activities/<int:pk>/", activity, name="activity"),
    path("p/<slug:slug>/", product, name="product"),
    *bundling.urlpatterns,
]
