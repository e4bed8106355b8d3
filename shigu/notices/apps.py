"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    name = "shigu.notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        """Open the doors: the channels, what rings, what must hold."""
        import_module("shigu.notices.handlers")
