"""Django's entry for this app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class OpsConfig(AppConfig):
    name = "shigu.ops"
    verbose_name = _("Ops")

    def ready(self) -> None:
        """Checks at start-up; the back office has its first page, and the shop's own, guarded sign-in."""
        import_module("shigu.ops.checks")
        guarded = import_module("allauth.account.decorators").secure_admin_login
        admin.site.index_title = _("Today")
        admin.site.index_template = "office/index.html"
        admin.site.login = guarded(admin.site.login)  # type: ignore[method-assign]
