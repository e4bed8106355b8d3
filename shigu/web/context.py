"""What every page knows: the time, the shop's name, how much is in the cart and unread in the inbox.

Time and counts are functions that ask once, when a template first shows them: a page that shows neither
asks nothing. A view that read the time itself passes its own `now`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from shigu import clock
from shigu.notices import inbox
from shigu.orders import cart


def shop(request: HttpRequest) -> dict[str, Any]:
    """Context processor; see the module."""

    def cart_count() -> int:
        """Lines in the reader's cart; none for a visitor."""
        user = getattr(request, "user", None)
        return cart.count(user.pk) if user is not None and user.pk else 0

    def unread_count() -> int:
        """Notices the reader has not read; none for a visitor."""
        user = getattr(request, "user", None)
        return inbox.unread(user.pk) if user is not None and user.pk else 0

    return {
        "now": cache(clock.now),
        "cart_count": cache(cart_count),
        "unread_count": cache(unread_count),
        "shop": {
            "name": settings.SHIGU_NAME,
            "pay_window": int(settings.PAY_WINDOW.total_seconds()),
        },
    }
