"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    name = "shigu.reporting"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """What the clock does on the first of each month."""
        import_module("shigu.reporting.closing")
