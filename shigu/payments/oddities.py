"""A filter of the back office for what somebody should look at: `Odd`, one for each list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Odd(admin.SimpleListFilter, ABC):
    """What an operator should look at: each list says which of its rows those are."""

    title = _("to look at")
    parameter_name = "odd"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return [("1", _("Somebody should look"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.odd()) if self.value() else queryset

    @abstractmethod
    def odd(self) -> Q:
        """The rows somebody should look at."""
