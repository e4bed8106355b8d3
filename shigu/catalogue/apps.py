"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogueConfig(AppConfig):
    name = "shigu.catalogue"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Open the doors: what the audit asks."""
        import_module("shigu.catalogue.handlers")
