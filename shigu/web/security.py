"""What every answer carries: a strict content policy, and no cross-origin window or embedding.

Scripts and styles come from this shop's own files only; nothing inline, nothing from elsewhere. The
event stream may live on another port of the same host (`EVENTS_URL`).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from shigu.web.live import events_origin

ALIPAY = ("alipay.com", "alipaydev.com")

SHOP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' {events}; form-action 'self' {cashier}; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'"
)
BACK_OFFICE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)  # unfold's own pages carry inline scripts; only signed-in staff see them


class SecurityHeaders:
    """Middleware: adds the headers that Django's own does not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        office = request.path.startswith("/ops/")
        policy = (
            BACK_OFFICE
            if office
            else SHOP.format(events=events_origin(request), cashier=cashier_origin())
        )
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
        )
        return response


def cashier_origin() -> str:
    """Where forms may lead besides the shop: the provider's cashier.

    Browsers hold each redirect of a posted form against this list, and Alipay's own gateway passes the
    buyer on to other hosts of its domain.
    """
    gateway = urlsplit(settings.ALIPAY_GATEWAY)
    origin = f"{gateway.scheme}://{gateway.netloc}"
    wide = [f" https://*.{home}" for home in ALIPAY if f".{gateway.hostname}".endswith(f".{home}")]
    return origin + "".join(wide)
