"""Settings of a shop with an extension: what a shopkeeper writes to add apps, tasks and entries."""

from __future__ import annotations

import os

from shigu.settings import *  # noqa: F403
from shigu.settings import INSTALLED_APPS as SHOP

INSTALLED_APPS = [*SHOP, "tests.fleet.belfry"]
if "BELFRY_CHIMES" in os.environ:
    CELERY_BEAT_SCHEDULE = {
        "chime": {"task": "belfry.chime", "schedule": float(os.environ["BELFRY_CHIMES"])}
    }
