"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebConfig(AppConfig):
    name = "shigu.web"
    verbose_name = _("Pages")

    def ready(self) -> None:
        """What the clock builds for the pages."""
        import_module("shigu.web.front")
