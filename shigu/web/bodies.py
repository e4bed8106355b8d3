"""No body larger than the shop ever needs: refused by its announced length, before a byte is read.

Django's own limit leaves files out, and the form parser runs before any view can say no.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

MOST = 8 * 1024 * 1024


class BoundedBodies:
    """Middleware, before anything that looks into a form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if announced(request) > MOST:
            return render(request, "413.html", status=413)
        return self.get_response(request)


def announced(request: HttpRequest) -> int:
    """The body's length as the server was told; without one there is no body."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
