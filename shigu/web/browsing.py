"""The shop window: home, the lists of courses and goods, search, one product.

Everything here is read by GET and needs no sign-in. Lists swap in place where there is a script and are
ordinary pages where there is none; an address that means nothing shows the whole list and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.catalogue import lists
from shigu.catalogue.lists import Offer
from shigu.catalogue.models import Kind, Product, Sku
from shigu.orders.admission import MOST_PIECES
from shigu.web.inputs import whole
from shigu.web.reader import in_hand
from shigu.web.shelves import SIZES, Shelf, read, read_search

HEADLINES: dict[str, str | Promise] = {Kind.COURSE: _("Courses"), Kind.GOODS: _("Goods")}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is hot and what is new: three queries."""
    goods = lists.hottest(Kind.GOODS, 5)
    context = {
        "first": goods[0] if goods else None,
        "goods": goods[1:],
        "courses": lists.hottest(Kind.COURSE, 4),
        "fresh": lists.newest(4),
    }
    return render(request, "web/shop/home.html", context)


@require_safe
def courses(request: HttpRequest) -> HttpResponse:
    """Courses by direction, category, level and price."""
    return _list(request, read(request.GET, Kind.COURSE))


@require_safe
def goods(request: HttpRequest) -> HttpResponse:
    """Goods by department, category and price."""
    return _list(request, read(request.GET, Kind.GOODS))


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Courses and goods by words in Chinese or English; without words, where to start."""
    shelf = read_search(request.GET)
    if not shelf.wish.words:
        hot = lists.hottest(Kind.COURSE, 4) + lists.hottest(Kind.GOODS, 4)
        return render(request, "web/shop/search.html", {"q": "", "hot": hot})
    return _list(request, shelf, template="web/shop/search.html")


def _list(
    request: HttpRequest, shelf: Shelf, *, template: str = "web/shop/list.html"
) -> HttpResponse:
    page, offers = shelf.page()
    context = {
        "shelf": shelf,
        "page": page,
        "offers": offers,
        "sizes": SIZES,
        "size": shelf.size,
        "headline": HEADLINES.get(shelf.wish.kind, ""),
        "q": shelf.wish.words,
        "hot": [] if offers else _hot(shelf.wish.kind),
        "tries": [] if offers else shelf.tries(),
    }
    return render(request, template, context)


def _hot(kind: str) -> list[Offer]:
    """What stands under an empty list: of its kind, or of both."""
    return (
        lists.hottest(kind, 4)
        if kind
        else lists.hottest(Kind.COURSE, 2) + lists.hottest(Kind.GOODS, 2)
    )


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One course or one kind of goods with its choices; taken down, a page that says so."""
    try:
        row = lists.on_sale(slug)
    except Product.DoesNotExist:
        hot = lists.hottest(Kind.COURSE, 2) + lists.hottest(Kind.GOODS, 2)
        return render(request, "web/shop/gone.html", {"hot": hot}, status=404)
    now = clock.now()
    choices = lists.choices(row.pk)
    context = {
        "product": row,
        "choices": [(sku, lists.free(sku)) for sku in choices],
        "in_hand": in_hand(request.user.pk, row, now),
        "now": now,
        "nav": "courses" if row.kind == Kind.COURSE else "goods",
        **_chosen(choices, whole(request.GET.get("sku"))),
    }
    return render(request, "web/shop/product.html", context)


def _chosen(choices: Sequence[Sku], wanted: int | None) -> dict[str, Any]:
    """The choice that stands selected: the one asked for, else the first that can be had."""
    can = [sku for sku in choices if lists.free(sku) != 0]
    chosen = next((sku for sku in can if sku.pk == wanted), can[0] if can else None)
    left = lists.free(chosen) if chosen else 0
    return {"chosen": chosen, "most": MOST_PIECES if left is None else min(left, MOST_PIECES)}


urlpatterns = [
    path("", home, name="home"),
    path("courses/", courses, name="courses"),
    path("goods/", goods, name="goods"),
    path("search/", search, name="search"),
    path("p/<slug:slug>/", product, name="product"),
]
