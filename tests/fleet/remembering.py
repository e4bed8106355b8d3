"""Settings of a shop whose processes each remember sessions by themselves: what ours does not do."""

from __future__ import annotations

from shigu.settings import *  # noqa: F403

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
