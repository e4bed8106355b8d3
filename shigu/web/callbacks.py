"""Where payment providers and the browsers they send back arrive.

`notify` answers a provider in its own words and never with an error page: no sign-in, no session, no
CSRF token, a bounded body, and whatever goes wrong is a plain no. `come_back` is for a person: it shows
the result page, or the orders when the address was not the provider's.
"""

from __future__ import annotations

import traceback

import structlog
from django.conf import settings
from django.contrib import messages
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from shigu.payments import notices, returning
from shigu.payments.opening import Addresses
from shigu.payments.provider import Unverified, providers
from shigu.web.request_log import about

MOST_BYTES = 64 * 1024
RESULTS = {"order": "result", "top-up": "top_up_result", "deposit": "deposit_result"}
"""What a payment was for, and the page that says what became of it."""

log = structlog.get_logger(__name__)


def addresses(provider: str) -> Addresses:
    """What a provider is told: where the browser comes back, where it may tell us."""
    return Addresses(
        returns=settings.SITE_URL + reverse("pay_return", args=[provider]),
        notifies=settings.SITE_URL + reverse("pay_notify", args=[provider]),
    )


@csrf_exempt
@require_POST
def notify(request: HttpRequest, provider: str) -> HttpResponse:
    """A provider tells of a payment; the answer is exactly what it wants to hear."""
    if provider not in providers:
        return HttpResponse("", status=404, content_type="text/plain")
    try:
        ok = notices.hear(provider, _body(request))
    except Exception as error:  # a provider repeats itself; an error page would tell it nothing
        where = traceback.format_exc()  # without the values: they name people
        log.error("payments.notify_failed", error=type(error).__name__, where=where)
        ok = False
    return HttpResponse(providers[provider].ack(ok), content_type="text/plain")


def _body(request: HttpRequest) -> bytes:
    """At most one byte more than is allowed, which the provider's reader then refuses."""
    return request.read(MOST_BYTES + 1)


@never_cache
@require_GET
def come_back(request: HttpRequest, provider: str) -> HttpResponse:
    """The browser is back: ask the provider, then show what it said."""
    if provider not in providers:
        raise Http404
    query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    try:
        attempt = returning.come_back(provider, query)
    except (Unverified, DatabaseError) as problem:
        log.info("payments.return_refused", provider=provider, why=str(problem)[:80])
        attempt = None
    if attempt:
        about(attempt.number)
    else:
        messages.warning(
            request,
            gettext("That address was not complete. Your orders show how the payment stands."),
        )
        return redirect("orders")
    return redirect(RESULTS[attempt.purpose], attempt.number)


urlpatterns = [
    path("pay/notify/<slug:provider>/", notify, name="pay_notify"),
    path("pay/return/<slug:provider>/", come_back, name="pay_return"),
]
