"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shigu.clock import hints
from shigu.fleet.carrier import to_the_broker


class FleetConfig(AppConfig):
    name = "shigu.fleet"
    verbose_name = _("Fleet")

    def ready(self) -> None:
        """Where there is a broker, hints go there, too."""
        import_module("shigu.fleet.checks")
        if settings.CELERY_BROKER_URL:
            hints.carry(to_the_broker())
