"""The clock in the back office: kinds as they stand, rows set aside, periodic work, dispatchers.

Nobody adds or edits these by hand; operators try again, set going again, and run now.
"""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from shigu.clock import periodic, quarantine, status
from shigu.clock.kinds import Every, find, known
from shigu.clock.models import Dispatcher, KindState, Periodic, Quarantine, Run
from shigu.kit.office import log

COLOURS = {"parked": "danger", "late": "warning", "going": "success"}
RESULTS = {"failed": "danger", "open": "warning", "good": "success", "never": "default"}


class Watched(ModelAdmin):
    """Rows to look at; the actions are all there is to do."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]


@admin.register(Quarantine)
class QuarantineAdmin(Watched):
    list_display = ["kind", "subject", "attempts", "error", "due_at", "failed_at", "try_at"]
    list_filter = ["kind", "error_class"]
    search_fields = ["=subject", "error"]
    actions = ["try_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quarantine]:
        rows: QuerySet[Quarantine] = super().get_queryset(request)
        return rows.filter(shown=True)

    @admin.action(description=_("Try again now"), permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        moved = quarantine.try_again(queryset.values_list("pk", flat=True))
        said = ngettext("%(count)d row is tried again.", "%(count)d rows are tried again.", moved)
        messages.success(request, said % {"count": moved})


@admin.register(KindState)
class KindStateAdmin(Watched):
    list_display = [
        "name", "going", "waiting", "overdue", "oldest", "late", "changed", "set_aside", "parked_error",
    ]  # fmt: skip
    actions = ["unpark"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[KindState]:
        names = [kind.name for kind in known()]
        KindState.objects.bulk_create(
            [KindState(name=name) for name in names], ignore_conflicts=True
        )
        rows: QuerySet[KindState] = super().get_queryset(request)
        return rows.filter(name__in=names)

    @display(description=_("state"), label=COLOURS)  # type: ignore[untyped-decorator]
    def going(self, row: KindState) -> tuple[str, str]:
        if row.parked_at:
            return "parked", str(_("parked"))
        return ("late", str(_("late"))) if _figures(row).alarm else ("going", str(_("going")))

    @admin.display(description=_("waiting"))
    def waiting(self, row: KindState) -> str:
        return _capped(_figures(row).waiting)

    @admin.display(description=_("overdue"))
    def overdue(self, row: KindState) -> str:
        return _capped(_figures(row).overdue)

    @admin.display(description=_("oldest overdue"))
    def oldest(self, row: KindState) -> str:
        return _seconds(_figures(row).oldest_overdue)

    @admin.display(description=_("late in the last hour, half / 99 of 100"))
    def late(self, row: KindState) -> str:
        figures = _figures(row)
        return f"{_seconds(figures.late_p50)} / {_seconds(figures.late_p99)}"

    @admin.display(description=_("changed / claimed in the last hour"))
    def changed(self, row: KindState) -> str:
        return f"{_figures(row).affected} / {_figures(row).claimed}"

    @admin.display(description=_("set aside"))
    def set_aside(self, row: KindState) -> int:
        return _figures(row).set_aside

    @admin.action(description=_("Set going again"), permissions=["change"])
    def unpark(self, request: HttpRequest, queryset: QuerySet[KindState]) -> None:
        for row in queryset:
            quarantine.unpark(row.name)
        messages.success(request, _("Set going again; what was set aside is tried again."))


@admin.register(Periodic)
class PeriodicAdmin(Watched):
    list_display = [
        "what", "name", "expression", "zone", "state", "started_at", "took_shown", "changed", "moment", "runs",
    ]  # fmt: skip
    list_display_links = ["what", "name"]
    actions = ["run_now"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Periodic]:
        periodic.ensure()
        rows: QuerySet[Periodic] = super().get_queryset(request)
        return rows.filter(name__in=[kind.name for kind in known()])

    @admin.display(description=_("work"))
    def what(self, row: Periodic) -> str:
        kind = find(row.name)
        return str(kind.title if isinstance(kind, Every) and kind.title else row.name)

    @display(description=_("last result"), label=RESULTS)  # type: ignore[untyped-decorator]
    def state(self, row: Periodic) -> tuple[str, str]:
        if row.error:
            return "failed", str(_("failed, tried again"))
        return ("good", str(_("went well"))) if row.ended_at else ("never", str(_("not run yet")))

    @admin.display(description=_("took"), ordering="took")
    def took_shown(self, row: Periodic) -> str:
        return _seconds(row.took.total_seconds() if row.took is not None else None)

    @admin.display(description=_("runs"))
    def runs(self, row: Periodic) -> SafeString:
        url = reverse("admin:clock_run_changelist")
        return format_html('<a href="{}?work__id__exact={}">{}</a>', url, row.pk, gettext("look"))

    @admin.action(description=_("Run now"), permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Periodic]) -> None:
        for row in queryset:
            periodic.run_now(row.name)
            log(request, row, gettext("Run now, by hand."))
        messages.success(request, _("It runs as soon as a dispatcher sees it."))


@admin.register(Run)
class RunAdmin(Watched):
    list_display = ["work", "state", "started_at", "took", "changed", "short_error"]
    list_filter = [("work", admin.RelatedOnlyFieldListFilter), "started_at"]
    list_select_related = ["work"]
    list_per_page = 50
    show_full_result_count = False

    @display(description=_("result"), label=RESULTS)  # type: ignore[untyped-decorator]
    def state(self, row: Run) -> tuple[str, str]:
        if row.ended_at is None:
            return "open", str(_("going, or cut off"))
        return ("failed", str(_("failed"))) if row.error else ("good", str(_("went well")))

    @admin.display(description=_("took"))
    def took(self, row: Run) -> str:
        spent = row.ended_at - row.started_at if row.ended_at else None
        return _seconds(spent.total_seconds() if spent is not None else None)

    @admin.display(description=_("error"))
    def short_error(self, row: Run) -> str:
        return row.error.partition("\n")[0][:120]


@admin.register(Dispatcher)
class DispatcherAdmin(Watched):
    list_display = ["name", "started_at", "ticked_at"]


def _figures(row: KindState) -> status.KindStatus:
    """Asked once for a row, however many columns show it."""
    kept: dict[str, status.KindStatus] = row.__dict__.setdefault("_figures", {})
    if row.name not in kept:
        kept[row.name] = status.of(find(row.name))
    return kept[row.name]


def _capped(count: int) -> str:
    return f"> {status.CAP}" if count > status.CAP else str(count)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f} s"
