"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClockConfig(AppConfig):
    name = "shigu.clock"
    verbose_name = _("Clock")

    def ready(self) -> None:
        """Open the doors: the clock's own tidying, and what must hold at start-up."""
        import_module("shigu.clock.tidying")
        import_module("shigu.clock.checks")
