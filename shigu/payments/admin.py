"""Money in the back office: payments, what providers said, refunds. Rows are looked at, never edited.

Each list has a filter for what somebody should look at. Two acts only: ask the provider now, and send a
refused refund again under its own number.
"""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from shigu import clock
from shigu.kit.office import Watched, log_all, shown
from shigu.payments import asking, refunding
from shigu.payments.models import (
    Attempt,
    Money,
    Notice,
    NoticeTally,
    Outcome,
    Refund,
    RefundState,
    State,
)
from shigu.payments.oddities import Odd

import_module("shigu.payments.bills_office")

MANY_TRIES = 5


class OddAttempts(Odd):
    def odd(self) -> Q:
        """Long over and still open: its provider is silent, or the money does not fit."""
        return Q(state=State.OPEN, expires_at__lt=clock.now() - settings.ASK_BACKSTOP)


class OddNotices(Odd):
    def odd(self) -> Q:
        strange = Q(outcome__in=[Outcome.WRONG_AMOUNT, Outcome.FOREIGN, Outcome.UNKNOWN])
        return strange | Q(handled_at=None, due_at__lt=clock.now())


class OddRefunds(Odd):
    def odd(self) -> Q:
        stuck = Q(state=RefundState.SENDING, tries__gte=MANY_TRIES)
        return Q(state=RefundState.REFUSED) | stuck


def linked(name: str, pk: int, text: str) -> SafeString:
    """A row of another list."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{name}_change", args=[pk]), text)


@admin.register(Attempt)
class AttemptAdmin(Watched):
    list_display = [
        "out_trade_no", "state_shown", "money_shown", "amount_shown", "user", "opened_at",
        "expires_at", "last_answer",
    ]  # fmt: skip
    list_filter = [OddAttempts, "state", "money", "provider", "channel", "opened_at"]
    search_fields = ["=out_trade_no", "=trade_no", "=user__username", "out_trade_no__startswith"]
    search_help_text = _("Order number, number at the provider, or user name")
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["ask_now"]
    fieldsets = [
        (None, {"fields": [("out_trade_no", "trade_no"), ("provider", "channel"), "title", "user"]}),
        (_("Money"), {"fields": [("amount_shown", "refunding_shown"), ("state_shown", "money_shown")]}),
        (_("Times"), {"fields": [("opened_at", "expires_at"), ("paid_at", "decided_at"), "closed_at"]}),
        (_("Asking"), {"fields": [("ask_at", "asks"), ("unwanted_at", "polled_at"), "last_answer"]}),
    ]  # fmt: skip
    readonly_fields = ["amount_shown", "refunding_shown", "state_shown", "money_shown"]

    @display(
        description=_("state"),
        ordering="state",
        label={State.OPEN.label: "warning", State.PAID.label: "success"},
    )  # type: ignore[untyped-decorator]
    def state_shown(self, row: Attempt) -> str:
        return str(State(row.state).label)

    @display(description=_("money"), ordering="money", label={Money.RETURNING.label: "warning"})  # type: ignore[untyped-decorator]
    def money_shown(self, row: Attempt) -> str:
        return str(Money(row.money).label) if row.money else "–"

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, row: Attempt) -> str:
        return shown(row.amount)

    @admin.display(description=_("goes back"))
    def refunding_shown(self, row: Attempt) -> str:
        return shown(row.refunding)

    @admin.action(description=_("Ask the provider now"), permissions=["act"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> None:
        count = asking.look(list(queryset.values_list("pk", flat=True)))
        said = ngettext(
            "%(count)d open payment is asked for.", "%(count)d open payments are asked for.", count
        )
        messages.success(request, said % {"count": count})


@admin.register(Notice)
class NoticeAdmin(Watched):
    list_display = ["received_at", "out_trade_no", "trade_status", "outcome_shown", "handled_at"]
    list_filter = [OddNotices, "outcome", "trade_status", "provider", "received_at"]
    search_fields = ["=out_trade_no", "=notify_id", "out_trade_no__startswith"]
    list_per_page = 50
    show_full_result_count = False

    @display(
        description=_("outcome"),
        ordering="outcome",
        label={
            Outcome.WRONG_AMOUNT.label: "danger",
            Outcome.FOREIGN.label: "danger",
            Outcome.UNKNOWN.label: "danger",
            Outcome.RETURNED.label: "warning",
        },
    )  # type: ignore[untyped-decorator]
    def outcome_shown(self, row: Notice) -> str:
        return str(Outcome(row.outcome).label)


@admin.register(Refund)
class RefundAdmin(Watched):
    list_display = [
        "request_no", "state_shown", "amount_shown", "why", "payment", "started_at", "ended_at", "tries",
        "last_answer",
    ]  # fmt: skip
    list_filter = [OddRefunds, "state", "why", "started_at"]
    search_fields = ["=request_no", "=attempt__out_trade_no", "request_no__startswith"]
    list_select_related = ["attempt"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["send_again"]

    @display(
        description=_("state"),
        ordering="state",
        label={RefundState.REFUSED.label: "danger", RefundState.SENT.label: "success"},
    )  # type: ignore[untyped-decorator]
    def state_shown(self, row: Refund) -> str:
        return str(RefundState(row.state).label)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, row: Refund) -> str:
        return shown(row.amount)

    @admin.display(description=_("payment"))
    def payment(self, row: Refund) -> SafeString:
        return linked("payments_attempt", row.attempt_id, row.attempt.out_trade_no)

    @admin.action(description=_("Try to send again"), permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        rows = list(queryset.filter(state=RefundState.REFUSED).order_by("pk"))
        count = refunding.send_again([row.pk for row in rows])
        log_all(request, rows, str(_("Sent again by an operator.")))
        said = ngettext(
            "%(count)d refund is sent again.", "%(count)d refunds are sent again.", count
        )
        messages.success(request, said % {"count": count})


@admin.register(NoticeTally)
class NoticeTallyAdmin(Watched):
    list_display = ["day", "provider", "why", "count"]
    list_filter = ["day", "why", "provider"]
    ordering = ["-day", "-count"]
