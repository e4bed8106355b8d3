"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "shigu.payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        """Open the doors: what rings, and who answers for what."""
        import_module("shigu.payments.handlers")
