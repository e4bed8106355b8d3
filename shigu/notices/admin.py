"""The outbox as operators see it: who was told of what, and what became of it. Nothing is edited here."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from shigu.kit.office import Watched
from shigu.notices.letters import events
from shigu.notices.models import Notice, State

COLOURS = {
    State.KEPT.value: "default",
    State.WAITING.value: "warning",
    State.SENT.value: "success",
    State.WITHDRAWN.value: "info",
    State.REFUSED.value: "danger",
    State.GIVEN_UP.value: "danger",
}

CHANNELS: dict[str, Promise] = {"inbox": _("Inbox"), "mail": _("Mail")}


@admin.register(Notice)
class NoticeAdmin(Watched):
    list_display = ["at", "what", "user", "way", "shown_state", "tries", "ended_at", "read_at"]
    list_filter = ["channel", "state", "event"]
    search_fields = ["user__username", "user__email", "=subject"]
    search_help_text = _("Name or mail address of a person, or the id of an order")
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        rows: QuerySet[Notice] = super().get_queryset(request)
        return rows.select_related("user")

    @display(description=_("event"))  # type: ignore[untyped-decorator]
    def what(self, notice: Notice) -> str | Promise:
        return events[notice.event].word if notice.event in events else notice.event

    @display(description=_("channel"), ordering="channel")  # type: ignore[untyped-decorator]
    def way(self, notice: Notice) -> str | Promise:
        return CHANNELS.get(notice.channel, notice.channel)

    @display(description=_("state"), label=COLOURS)  # type: ignore[untyped-decorator]
    def shown_state(self, notice: Notice) -> tuple[str, str]:
        return notice.state, str(State(notice.state).label)
