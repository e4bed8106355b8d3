"""What every answer carries: a strict content policy, and no cross-origin window or embedding.

Scripts and styles come from this shop's own files only; nothing inline, nothing from elsewhere. The
event stream may live on another port of the same host (`EVENTS_URL`).
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from shigu.web.live import events_origin

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
    """Where forms may lead besides the shop: the provider's cashier, by a redirect."""
    scheme, _, rest = settings.ALIPAY_GATEWAY.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
