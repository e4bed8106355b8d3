"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WalletConfig(AppConfig):
    name = "shigu.wallet"
    verbose_name = _("Balance")

    def ready(self) -> None:
        """Open the doors: what a top-up's money does."""
        import_module("shigu.wallet.handlers")
