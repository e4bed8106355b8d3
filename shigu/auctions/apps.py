"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuctionsConfig(AppConfig):
    name = "shigu.auctions"
    verbose_name = _("Auctions")

    def ready(self) -> None:
        """Open the doors: what a deposit's money does, what a lot's line does, what rings."""
        import_module("shigu.auctions.handlers")
