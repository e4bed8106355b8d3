"""Live pages: where the event stream is, and the address at which a page may follow its orders.

The stream is a process of its own (`shigu.events`), on the same origin or at `EVENTS_URL`. A page
that cannot reach it asks again by itself (`data-poll`), so nothing here is needed for being right.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from shigu.orders import watching


def events_origin(request: HttpRequest) -> str:
    """The origin that pages may connect to besides their own; empty where it is the same."""
    parts = urlsplit(settings.EVENTS_URL)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def stream_address(request: HttpRequest, order_ids: Iterable[int]) -> str:
    """Where this page follows these orders of its reader; empty for none."""
    ids = list(order_ids)
    if not ids or request.user.pk is None:
        return ""
    origin = f"{request.scheme}://{request.get_host()}"
    ticket = watching.sign(request.user.pk, ids, origin=origin)
    return f"{settings.EVENTS_URL.rstrip('/')}/events/{ticket}"
