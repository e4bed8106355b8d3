"""What must hold before a fleet may run, as a system check.

fleet.E001 a broker is named, but what talks to it is not installed.
"""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def broker_can_be_reached(**_: object) -> list[CheckMessage]:
    """`CELERY_BROKER_URL` needs the packages of the fleet."""
    if settings.CELERY_BROKER_URL and find_spec("celery") is None:
        hint = "Install requirements/fleet.txt, or leave CELERY_BROKER_URL empty on one machine."
        return [
            Error("CELERY_BROKER_URL is set, but Celery is missing.", hint=hint, id="fleet.E001")
        ]
    return []
