"""Enrolments in the back office, to look at: paying makes them, refunding ends them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet, Value
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from shigu import clock
from shigu.kit.office import Watched
from shigu.learning.models import Enrolment


@admin.register(Enrolment)
class EnrolmentAdmin(Watched):
    list_display = ["user", "product", "running", "valid_from", "valid_until", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "valid_from"]
    search_fields = ["=user__username", "product__name_zh", "product__name_en"]
    list_select_related = ["user", "product"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrolment]:
        """The clock is read once for the whole list."""
        rows: QuerySet[Enrolment] = super().get_queryset(request)
        return rows.annotate(now=Value(clock.now()))

    @display(description=_("running"), boolean=True)  # type: ignore[untyped-decorator]
    def running(self, row: Enrolment) -> bool:
        return row.is_running(getattr(row, "now", None) or clock.now())
