from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class BelfryConfig(AppConfig):
    name = "tests.fleet.belfry"
    label = "belfry"

    def ready(self) -> None:
        import_module("tests.fleet.belfry.handlers")
