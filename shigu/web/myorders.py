"""My orders: tabs with counts, pages of cards, one order with its history, and the buttons on them.

Cancelling, restoring and deleting are verbs of `shigu.orders`; a refusal is shown where the button
was. A row that waits for its payment turns by itself (`card` is that row alone).
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.orders import cancelling, hiding, lists, restoring
from shigu.orders.models import Order
from shigu.web.inputs import one_of
from shigu.web.limits import CHANGE
from shigu.web.live import stream_address
from shigu.web.order_cards import card_of, cards_of
from shigu.web.own import own_order
from shigu.web.reader import me
from shigu.web.verbs import verb, where_from

SIZES = [5, 10, 15, 20]

TABS: dict[str, str | Promise] = {
    "all": pgettext_lazy("orders", "All"),
    "unpaid": gettext_lazy("Unpaid"),
    "paid": gettext_lazy("Paid"),
    "cancelled": gettext_lazy("Cancelled"),
    "expired": pgettext_lazy("order", "Expired"),
    "refunds": gettext_lazy("Refunds"),
}


@never_cache
@login_required
@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """One page of one tab; junk in the address falls back to the first of both."""
    user_id = me(request)
    tab = request.GET.get("tab", "all")
    tab = tab if tab in TABS else "all"
    counts = lists.counts(user_id)
    size = one_of(request.GET.get("size"), SIZES)
    page = _page(lists.mine(user_id, tab), counts[tab], size, request.GET.get("page", "1"))
    now = clock.now()
    cards = cards_of(list(page.object_list), now)
    moving = [card.order.pk for card in cards if card.standing.is_moving]
    context = {
        "tabs": [(name, word, counts[name]) for name, word in TABS.items()],
        "tab": tab,
        "page": page,
        "cards": cards,
        "sizes": SIZES,
        "size": size,
        "now": now,
        "stream": stream_address(request, moving),
    }
    return render(request, "web/orders/list.html", context)


@never_cache
@login_required
@require_safe
def order(request: HttpRequest, number: str) -> HttpResponse:
    """One order: what it is, what was paid, where it goes, all that happened to it."""
    shown = card_of(own_order(request, number), clock.now())
    moving = [shown.order.pk] if shown.standing.is_moving else []
    context = {
        "card": shown,
        "order": shown.order,
        "now": shown.now,
        "stream": stream_address(request, moving),
    }
    return render(request, "web/orders/detail.html", context)


@never_cache
@login_required
@require_safe
def card(request: HttpRequest, number: str) -> HttpResponse:
    """One row of the list, as it is now."""
    shown = card_of(own_order(request, number), clock.now())
    context = {"card": shown, "now": shown.now, "next": reverse("orders")}
    return render(request, "web/orders/_card.html", context)


@verb(CHANGE, back="order")
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """Let go of an unpaid order; what it held comes back at once."""
    mine = own_order(request, number)
    cancelling.cancel(mine.pk, by=mine.user_id)
    messages.success(request, _("The order is cancelled. Everything it held has come back."))
    return redirect(where_from(request, reverse("order", args=[number])))


@verb(CHANGE, back="order")
def restore(request: HttpRequest, number: str) -> HttpResponse:
    """Hold the same things again and go to the cashier."""
    mine = own_order(request, number)
    restoring.restore(mine.pk, by=mine.user_id)
    messages.success(request, _("The order is back: everything in it is held for you again."))
    return redirect("cashier", number)


@verb(CHANGE, back="orders", named=False)
def delete(request: HttpRequest, number: str) -> HttpResponse:
    """Take an ended order off the list."""
    mine = own_order(request, number)
    hiding.hide(mine.pk)
    messages.success(request, _("The order is off your list."))
    return redirect(where_from(request, reverse("orders")))


def _page(rows: QuerySet[Order], count: int, size: int, number: str) -> Page[Order]:
    paginator: Paginator[Order] = Paginator(rows, size)
    paginator.count = count  # known from the tabs: not asked twice
    return paginator.get_page(number)


urlpatterns = [
    path("me/orders/", orders, name="orders"),
    path("me/orders/<slug:number>/", order, name="order"),
    path("me/orders/<slug:number>/card", card, name="order_card"),
    path("me/orders/<slug:number>/cancel", cancel, name="cancel_order"),
    path("me/orders/<slug:number>/restore", restore, name="restore_order"),
    path("me/orders/<slug:number>/delete", delete, name="delete_order"),
]
