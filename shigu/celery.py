"""The door for `celery -A shigu worker` and `celery -A shigu beat -S shigu.fleet.scheduler:Scheduler`.

An extension's own settings (`DJANGO_SETTINGS_MODULE`) may add apps whose `tasks.py` are found, and
entries of a `CELERY_BEAT_SCHEDULE`. Nothing of Shigu's imports this module.
"""

from __future__ import annotations

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shigu.settings")

from shigu.fleet.app import app

__all__ = ["app"]

if not settings.CELERY_BROKER_URL:
    raise ImproperlyConfigured(
        "CELERY_BROKER_URL is not set: a fleet needs a broker, redis://… or amqp://… "
        "A single machine needs none; there `shigu serve` or `shigu clock run` drive the clock."
    )
