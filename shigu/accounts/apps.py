"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "shigu.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """What the clock does for this floor."""
        import_module("shigu.accounts.sessions")
