"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "shigu.orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        """Open the doors: what rings, and who answers for what."""
        import_module("shigu.orders.handlers")
