"""What a browser says it is: a provider has one page for desks and one for phones."""

from __future__ import annotations

import re

from django.http import HttpRequest

PHONE = re.compile(r"Android|iPhone|iPad|iPod|Mobile|MicroMessenger|AlipayClient", re.IGNORECASE)


def is_phone(request: HttpRequest) -> bool:
    """Does the browser say it is a phone? Then the provider's page for phones is opened."""
    hint = request.headers.get("Sec-CH-UA-Mobile", "")
    return hint == "?1" or bool(PHONE.search(request.headers.get("User-Agent", "")))


def channel_of(request: HttpRequest) -> str:
    """The channel of `payments.opening.Way` for this browser."""
    return "wap" if is_phone(request) else "page"
