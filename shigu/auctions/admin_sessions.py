"""Sessions in the back office: the composer with its timeline, lots from a table, the live console, results."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from shigu import clock
from shigu.auctions import (
    admin_acts,
    admin_drafts,
    composing,
    console,
    importing,
    lists,
    publishing,
    recording,
    timeline,
)
from shigu.auctions.admin_pages import Rooms, attempt, told
from shigu.auctions.models import Session
from shigu.auctions.session_form import PRESETS, SessionForm, suggested
from shigu.kit.errors import Refusal
from shigu.kit.office import log, shown

COLOURS = {"draft": "default", "coming": "info", "preview": "info", "soon": "warning"} | {
    "live": "success",
    "ended": "default",
    "withdrawn": "danger",
}
PHASES = {
    "draft": _("Draft"),
    "coming": _("Not open yet"),
    "preview": _("Preview"),
    "soon": _("Opens soon"),
    "live": _("Live"),
    "ended": _("Ended"),
    "withdrawn": _("Taken out"),
}


class TableForm(forms.Form):
    """A table of lots: as a file, or as text that was looked at a moment ago."""

    table = forms.FileField(label=_("CSV file"), required=False, widget=UnfoldAdminFileFieldWidget)
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if file := data.get("table"):
            data["content"] = file.read(importing.MOST_BYTES + 1)
        else:  # a browser ends every line of a text with two characters: the table is no larger for it
            data["content"] = data.get("text", "").replace("\r\n", "\n").encode()
        if not data["content"] and not self.errors:
            self.add_error("table", _("Choose a file."))
        return data


class SessionAdmin(Rooms):
    list_display = [
        "__str__",
        "phase_shown",
        "preview_from",
        "opens_at",
        "closes_at",
        "lots",
        "total",
    ]
    list_filter = ["state"]
    search_fields = ["name_zh", "name_en", "=slug"]
    ordering = ["-pk"]
    list_per_page = 50

    @display(description=_("phase"), label=COLOURS)  # type: ignore[untyped-decorator]
    def phase_shown(self, session: Session) -> tuple[str, str]:
        phase = lists.phase(session, clock.now())
        return phase, str(PHASES[phase])

    @admin.display(description=_("lots not over"))
    def lots(self, session: Session) -> int:
        return session.open_lots

    @admin.display(description=_("hammer total"))
    def total(self, session: Session) -> str:
        return shown(session.hammer_total)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows

    def get_urls(self) -> list[URLPattern]:
        acts = self.acts(
            ("publish", lambda row, _by: admin_acts.publish(row)),
            ("withdraw", lambda row, _by: admin_acts.withdraw_session(row)),
            ("copy", admin_acts.copy),
            ("clear", lambda row, _by: admin_drafts.discard_lots(row)),
            ("discard", lambda row, _by: admin_drafts.discard_session(row)),
        )
        mine = [
            self.own("<path:object_id>/console/", require_safe(self.console), "console"),
            self.own(
                "<path:object_id>/console/now/", require_safe(self.console_now), "console_now"
            ),
            self.own("<path:object_id>/results/", require_safe(self.results), "results"),
            self.own("<path:object_id>/record/", require_safe(self.record), "record"),
            self.own("<path:object_id>/table/", self.table, "table"),
        ]
        return [*mine, *acts, *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        """A session in draft."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SessionForm(
            request.POST or None, request.FILES or None, initial=suggested(clock.now())
        )

        def save() -> str:
            session = composing.create(form.changes(), by=request.user.pk or 0)
            log(request, session, gettext("Made as a draft."))
            told(request, gettext("The draft is saved. Now write its lots."))
            return self.address("change", session.pk)

        return attempt(request, form, save) or self._composer(request, form, None)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **more: Any
    ) -> HttpResponse:
        """Saving again moves the columns, as far as anything may still change."""
        session: Session = self.row(request, object_id, change=request.method == "POST")
        bids = lists.bids_of(session.pk)
        now = clock.now()
        promised = publishing.is_promised(session, now)
        may = publishing.changeable(session, now, bids=bids, promised=promised)
        if not self.has_change_permission(request, session):
            may = frozenset()
        form = SessionForm(
            request.POST or None,
            request.FILES or None,
            instance=Session.objects.get(pk=session.pk),
            may=may,
        )

        def save() -> str:
            changes = form.changes()
            publishing.change(session.pk, changes)
            if changes:
                log(request, session, _changed(form, list(changes)))
            told(request, gettext("Saved.") if changes else gettext("Nothing was changed."))
            return self.address("change", session.pk)

        return attempt(request, form, save) or self._composer(
            request, form, session, may=bool(may), promised=promised
        )

    def _composer(
        self,
        request: HttpRequest,
        form: SessionForm,
        session: Session | None,
        *,
        may: bool = True,
        promised: bool = False,
    ) -> HttpResponse:
        now = clock.now()
        phase = lists.phase(session, now) if session else "draft"
        return self.page(
            request,
            "composer",
            title=session.name if session else gettext("A new session"),
            form=form,
            session=session,
            phase=phase,
            phase_words=PHASES[phase],
            may_save=may,
            promised=promised,
            is_standing=phase in ("coming", "preview", "soon", "live"),
            rows=console.console(session, now).rows if session else [],
            line=timeline.drawn(session, now) if session else None,
            presets=PRESETS,
            now=now,
        )

    def console(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._console(request, object_id, "console")

    def console_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part that refreshes by itself."""
        return self._console(request, object_id, "console_now")

    def _console(self, request: HttpRequest, object_id: str, page: str) -> HttpResponse:
        session: Session = self.row(request, object_id, change=False)
        now = clock.now()
        return self.page(
            request,
            page,
            title=gettext("Console · %(name)s") % {"name": session.name},
            session=session,
            phase_words=PHASES[lists.phase(session, now)],
            shown=console.console(session, now),
            line=timeline.drawn(session, now),
            now=now,
        )

    def results(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What came of each lot."""
        session: Session = self.row(request, object_id, change=False)
        found = console.console(session, clock.now())
        over = session.state in recording.OVER
        return self.page(
            request,
            "results",
            title=gettext("Results · %(name)s") % {"name": session.name},
            session=session,
            shown=found,
            has_record=over,
            seal=recording.seal(session.pk) if over else "",
        )

    def record(self, request: HttpRequest, object_id: str) -> Any:
        """The record as a file, chained line by line."""
        session: Session = self.row(request, object_id, change=False)
        try:
            lines = recording.lines(session.pk)
        except Refusal as refusal:
            self.message_user(request, refusal.message, "error")
            return redirect(self.address("results", session.pk))
        answer = StreamingHttpResponse(
            (f"{line}\n" for line in lines), content_type="application/jsonl; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{session.slug}.jsonl"'
        return answer

    def table(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lots from a CSV file: every mistake by its row, and nothing written unless all is right."""
        session: Session = self.row(request, object_id)
        form = TableForm(request.POST or None, request.FILES or None)
        looked = self._looked(request, session, form)
        if looked and looked.ok and "import" in request.POST:
            count = len(looked.lots)
            said = ngettext("%(count)d lot was imported.", "%(count)d lots were imported.", count)
            log(request, session, said % {"count": count})
            told(request, said % {"count": count})
            return redirect(self.address("change", session.pk))
        return self.page(
            request,
            "table",
            title=gettext("Lots from a table · %(name)s") % {"name": session.name},
            session=session,
            form=form,
            looked=looked,
            content=form.cleaned_data["content"].decode("utf-8-sig") if looked else "",
            columns=importing.COLUMNS,
            needed=importing.NEEDED,
            most=importing.MOST_ROWS,
            most_mb=importing.MOST_MB,
        )

    def _looked(
        self, request: HttpRequest, session: Session, form: TableForm
    ) -> importing.Looked | None:
        if request.method != "POST" or not form.is_valid():
            return None
        content = form.cleaned_data["content"]
        try:
            if "import" in request.POST:
                return importing.bring(session.pk, content)
            return importing.look(session, content)
        except Refusal as refusal:
            form.add_error("table", refusal.message)
            return None


def _changed(form: SessionForm, names: list[str]) -> str:
    labels = ", ".join(str(form.fields[name].label) for name in names if name in form.fields)
    return gettext("Changed: %(what)s") % {"what": labels}
