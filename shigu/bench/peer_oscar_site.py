"""The peer's pages: django-oscar's own, all of them, and the door by which a server comes in.

No mail is composed when an order was placed, in its favour: it would do so within the request, while ours is
a row that waits for the clock, which does not run here.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

application = get_wsgi_application()

_oscar: Any = apps.get_app_config("oscar")
urlpatterns = [path("", include(_oscar.urls[0]))]


def _without_mail() -> None:
    from oscar.apps.order.utils import OrderDispatcher  # noqa: PLC0415 - after Django's set-up

    def nothing(self: Any, order: Any, extra_context: Any, attachments: Any = None) -> None:
        """As if its template were empty."""

    OrderDispatcher.send_order_placed_email_for_user = nothing


_without_mail()
