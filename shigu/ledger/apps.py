"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "shigu.ledger"
    verbose_name = _("Ledger")

    def ready(self) -> None:
        """Open the doors: what the audit asks."""
        import_module("shigu.ledger.handlers")
