"""The coupon centre, where coupons are claimed and codes redeemed, and "my coupons" by tab.

The centre is read by anybody; claiming and redeeming are forms, so they work without a script, and lead
past the sign-in. What was just claimed says so on its own ticket.
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.promotions import claiming, lists
from shigu.web.inputs import whole
from shigu.web.limits import CHANGE, CODE
from shigu.web.reader import me
from shigu.web.tickets import tickets_in_hand, tickets_of
from shigu.web.verbs import verb

SIZE = 12
LONGEST = 64
"""Signs of a code that are read at all."""

TABS: dict[str, str | Promise] = {
    "unused": gettext_lazy("Unused"),
    "used": gettext_lazy("Used"),
    "lapsed": gettext_lazy("Lapsed"),
}


@never_cache
@require_safe
def coupons(request: HttpRequest) -> HttpResponse:
    """What can be claimed now and what is coming; `got` is the coupon that was claimed last."""
    now = clock.now()
    context = {
        "tickets": tickets_of(lists.offers(request.user.pk, now), now),
        "got": whole(request.GET.get("got")),
        "now": now,
    }
    return render(request, "web/coupons/centre.html", context)


@verb(CHANGE, back="coupons", named=False)
def claim(request: HttpRequest, coupon_id: int) -> HttpResponse:
    """One more of this coupon for the reader."""
    claiming.claim(coupon_id, me(request))
    return redirect(f"{reverse('coupons')}?got={coupon_id}#coupon-{coupon_id}")


@verb(CODE, back="coupons", named=False)
def redeem(request: HttpRequest) -> HttpResponse:
    """The coupon behind a code goes to the reader's own."""
    grant = claiming.redeem(request.POST.get("code", "")[:LONGEST], me(request))
    said = _("“%(name)s” is yours. It is used at the checkout.")
    messages.success(request, said % {"name": grant.coupon.name})
    return redirect("my_coupons")


@never_cache
@login_required
@require_safe
def my_coupons(request: HttpRequest) -> HttpResponse:
    """One page of one tab; junk in the address falls back to the first of both."""
    user_id, now = me(request), clock.now()
    tab = tab if (tab := request.GET.get("tab", "")) in TABS else "unused"
    counts = lists.counts(user_id, now)
    paginator = Paginator(lists.mine(user_id, tab, now), SIZE)
    paginator.count = counts[tab]  # known from the tabs: not asked twice
    page = paginator.get_page(request.GET.get("page", "1"))
    context = {
        "tabs": [(name, word, counts[name]) for name, word in TABS.items()],
        "tab": tab,
        "page": page,
        "tickets": tickets_in_hand(list(page.object_list), now),
        "now": now,
    }
    return render(request, "web/coupons/mine.html", context)


urlpatterns = [
    path("coupons/", coupons, name="coupons"),
    path("coupons/code", redeem, name="redeem_code"),
    path("coupons/<int:coupon_id>/claim", claim, name="claim_coupon"),
    path("me/coupons/", my_coupons, name="my_coupons"),
]
