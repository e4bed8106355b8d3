"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PromotionsConfig(AppConfig):
    name = "shigu.promotions"
    verbose_name = _("Coupons")

    def ready(self) -> None:
        """Open the doors: what the audit asks, and what the clock rings for."""
        import_module("shigu.promotions.handlers")
