"""One line per request, and its id on every line that is written while it is answered.

The id is the proxy's `X-Request-Id` where that is sane, else a new one; the answer carries it, so that a
buyer's report finds its lines. Bound beside it: the route (never the address, which may hold a key) and the
number of the order that the address names. Files and probes leave no line unless they fail.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")

log = structlog.get_logger(__name__)


class RequestLog:
    """Middleware, outermost; see the module."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        said = id_of(request)
        clear_contextvars()
        bind_contextvars(request_id=said)
        try:
            response = self.get_response(request)
            response.headers[HEADER] = said
            _tell(request, response, time.perf_counter() - began)
        finally:
            clear_contextvars()
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: dict[str, object]
    ) -> None:
        """The route is known now, and the order it is about."""
        bind_contextvars(route=route_of(request))
        if isinstance(number := kwargs.get("number"), str):
            about(number)


def about(number: str) -> None:
    """From here on, lines of this request are about this order."""
    bind_contextvars(order=number)


def id_of(request: HttpRequest) -> str:
    """The caller's id for this request, or one of our own."""
    said = request.headers.get(HEADER, "")
    return said if SANE.fullmatch(said) else uuid4().hex


def route_of(request: HttpRequest) -> str:
    """The pattern behind the address, such as `pay/<slug:number>/`; empty before it is known."""
    match = request.resolver_match
    return (match.route or "/") if match else ""


def _tell(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    if not route_of(request) and response.status_code < 400:
        return
    user = getattr(request, "_cached_user", None)  # known, or not worth a query
    log.info(
        "request",
        method=request.method,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        **({"user": user.pk} if user and user.pk else {}),
    )
