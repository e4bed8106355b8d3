"""The user centre: overview, my courses, sign-in and security; the other rooms have files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from shigu import clock
from shigu.learning import courses
from shigu.learning.models import Enrolment
from shigu.orders import credits, lists
from shigu.web import address_book, profile_page
from shigu.web.labels import labels
from shigu.web.live import stream_address
from shigu.web.myorders import TABS
from shigu.web.order_cards import cards_of
from shigu.web.reader import me
from shigu.web.renewing import Renewal, renewals_of


class Shelf(NamedTuple):
    """One course on the shelf: the enrolment that reaches furthest, whether it runs, how to renew it."""

    enrolment: Enrolment
    is_running: bool
    renewal: Renewal | None = None


def mine(request: HttpRequest, now: datetime) -> list[Enrolment]:
    """The reader's courses, those that may be studied first, in one query."""
    return sorted(courses.mine(me(request)), key=lambda row: not row.is_running(now))


def shelf(request: HttpRequest, rows: Sequence[Enrolment], now: datetime) -> list[Shelf]:
    """Some of them as they are shown, in a fixed number of queries."""
    ending = [row for row in rows if row.is_running(now) and row.valid_until]
    renewals = renewals_of(ending, labels(request, now)) if ending else {}
    return [Shelf(row, row.is_running(now), renewals.get(row.pk)) for row in rows]


@never_cache
@login_required
@require_safe
def centre(request: HttpRequest) -> HttpResponse:
    """What is mine at one look: what waits for payment, how many orders, the latest courses."""
    user_id, now = me(request), clock.now()
    unpaid = cards_of(list(lists.mine(user_id, "unpaid")[:3]), now)
    counts, studied = lists.counts(user_id), mine(request, now)
    context = {
        "tabs": [(name, word, counts[name]) for name, word in TABS.items()],
        "unpaid": unpaid,
        "shelf": shelf(request, studied[:3], now),
        "strip": {"orders": counts["all"], "courses": len(studied), "credits": credits.of(user_id)},
        "now": now,
        "stream": stream_address(request, [card.order.pk for card in unpaid]),
    }
    return render(request, "web/centre/overview.html", context)


@never_cache
@login_required
@require_safe
def my_courses(request: HttpRequest) -> HttpResponse:
    """Every course bought, until when; one that runs can be renewed, a lapsed one bought again."""
    now = clock.now()
    context = {"shelf": shelf(request, mine(request, now), now), "now": now}
    return render(request, "web/centre/courses.html", context)


@never_cache
@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """How one signs in, and where each part of it is changed."""
    mails = list(EmailAddress.objects.filter(user_id=me(request)).order_by("-primary", "email"))
    return render(request, "web/centre/security.html", {"mails": mails})


urlpatterns = [
    path("me/", centre, name="centre"),
    path("me/courses/", my_courses, name="my_courses"),
    path("me/security/", security, name="security"),
    *address_book.urlpatterns,
    *profile_page.urlpatterns,
]
