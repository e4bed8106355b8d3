"""Activities in the back office: made, changed, and looked at before anybody pays by them.

They belong to the catalogue; their room is here because its preview asks the price engine, which is above
the catalogue. "What it does to prices" stands beside "Save": it shows the form as typed, saving nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import all_valid
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from shigu import clock
from shigu.catalogue import activities
from shigu.catalogue.activities import Running, as_fact
from shigu.catalogue.activity_words import said
from shigu.catalogue.announcing import ActivityForm, StepForm, StepsFormSet
from shigu.catalogue.models import CHOSEN, Activity, Reach, Stage, Step
from shigu.catalogue.scopes import Scope
from shigu.kit.office import page
from shigu.ops.previewing import Preview, preview

STAGES = {
    Stage.COMING.value: "info",
    Stage.RUNNING.value: "success",
    Stage.ENDED.value: "default",
}


class Steps(TabularInline):
    model = Step
    form = StepForm
    formset = StepsFormSet
    extra = 0
    hide_title = True
    verbose_name_plural = _("Steps of “spend and save”")


class StageFilter(admin.SimpleListFilter):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return list(Stage.choices)

    def queryset(self, request: HttpRequest, rows: QuerySet[Activity]) -> QuerySet[Activity]:
        now = clock.now()
        if self.value() == Stage.COMING:
            return rows.filter(starts_at__gt=now)
        if self.value() == Stage.RUNNING:
            return rows.filter(starts_at__lte=now, ends_at__gt=now)
        return rows.filter(ends_at__lte=now) if self.value() == Stage.ENDED else rows


@admin.register(Activity)
class ActivityAdmin(ModelAdmin):
    form = ActivityForm
    list_display = ["__str__", "kind", "does", "reach", "starts_at", "ends_at", "stage"]
    list_filter = [StageFilter, "kind", "reach"]
    search_fields = ["name_zh", "name_en"]
    autocomplete_fields = list(CHOSEN.values())
    conditional_fields = {
        "percent": "kind == 'discount' || kind == 'student'",
        "amount": "kind == 'reduction' || kind == 'bundle'",
        "directions": "reach == 'direction'",
        "categories": "reach == 'category'",
        "products": "reach == 'product'",
    }
    fieldsets = [
        (None, {"fields": [("name_zh", "name_en")]}),
        (_("What it does"), {"fields": [("kind", "percent", "amount")]}),
        (_("What it covers"), {"fields": ["reach", *CHOSEN.values()]}),
        (_("When"), {"fields": ["starts_at", "ends_at"]}),
    ]
    inlines = [Steps]
    warn_unsaved_form = True
    actions_detail = ["preview"]
    actions_submit_line = ["preview_unsaved"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        rows: QuerySet[Activity] = super().get_queryset(request).prefetch_related("steps")
        return rows

    @admin.display(description=_("does"))
    def does(self, row: Activity) -> str:
        return said(as_fact(row, Scope()))

    @display(description=_("stage"), label=STAGES)  # type: ignore[untyped-decorator]
    def stage(self, row: Activity) -> tuple[str, str]:
        found = row.stage(clock.now())
        return found.value, str(found.label)

    @action(  # type: ignore[untyped-decorator]
        description=_("What it does to prices"), permissions=["view"], url_path="preview"
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The saved row, page by page."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        asked = request.GET.get("page", "1")
        shown = preview(activities.facts([row])[0], _moment(row), asked)
        return self._shown(request, shown, row)

    @action(  # type: ignore[untyped-decorator]
        description=_("What it does to prices"), variant=ActionVariant.DEFAULT
    )
    def preview_unsaved(self, request: HttpRequest, obj: Activity) -> None:
        """The button beside "Save"; `changeform_view` answers it before anything is saved."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        asked = request.method == "POST" and "preview_unsaved" in request.POST
        if asked and (shown := self._typed(request, object_id)):
            return self._shown(request, shown, None)
        found: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return found

    def _typed(self, request: HttpRequest, object_id: str | None) -> Preview | None:
        """The form as it was typed; None where it has mistakes, which the form itself will name."""
        row = self.get_object(request, object_id) if object_id else None
        allowed = (
            self.has_change_permission(request, row) if row else self.has_add_permission(request)
        )
        if not allowed:
            raise PermissionDenied
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        if not form.is_valid():
            return None
        formsets, _inlines = self._create_formsets(request, form.instance, change=row is not None)
        if not all_valid(formsets):
            return None
        return preview(_as_typed(form, formsets[0]), _moment(form.instance))

    def _shown(self, request: HttpRequest, shown: Preview, row: Activity | None) -> HttpResponse:
        title = _("What it does to prices")
        return page(self, request, "office/preview.html", title, original=row, shown=shown)


def _moment(row: Activity) -> datetime:
    """Prices are shown as they are when it runs: now, or when it starts."""
    return max(clock.now(), row.starts_at)


def _as_typed(form: ActivityForm, steps: StepsFormSet) -> Running:
    row, reach = form.instance, Reach(form.cleaned_data["reach"])
    chosen = form.cleaned_data[CHOSEN[reach]] if reach in CHOSEN else []
    typed = as_fact(row, Scope(reach, frozenset(one.pk for one in chosen)))
    return replace(typed, steps=tuple(steps.steps()))
