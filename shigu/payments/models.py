"""Rows of money: `Attempt` (one number at one provider), `Notice` (what a provider said), `Refund`.

An attempt's money is decided once, under its lock: applied to its purpose, or returning. A notice is
stored only when its signature was good, alone, before anything is settled by it. `Attempt.is_over`
and `Attempt.is_final` say what silence at the provider means at a given moment.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu import clock


class State(models.TextChoices):
    """Where an attempt stands at the provider."""

    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    CLOSED = "closed", _("Closed")


class Money(models.TextChoices):
    """What became of a paid attempt's money."""

    NONE = "", _("None arrived")
    APPLIED = "applied", _("Applied")
    RETURNING = "returning", _("Going back")


class Attempt(models.Model):
    """One try to pay one thing: its own number at the provider, amount in fen, never reused."""

    purpose = models.CharField(_("for"), max_length=12)
    subject_id = models.BigIntegerField(_("which"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    provider = models.CharField(pgettext_lazy("payment", "provider"), max_length=12)
    channel = models.CharField(_("channel"), max_length=8, blank=True)
    out_trade_no = models.CharField(_("number at the provider"), max_length=64, unique=True)
    amount = models.BigIntegerField(_("amount in fen"))
    title = models.CharField(_("title at the provider"), max_length=128)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    money = models.CharField(_("money"), max_length=10, choices=Money.choices, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    expires_at = models.DateTimeField(_("payable until"))
    ask_at = models.DateTimeField(_("ask the provider at"))
    asks = models.PositiveIntegerField(_("times asked"), default=0)
    unwanted_at = models.DateTimeField(_("nobody wants it since"), null=True, blank=True)
    polled_at = models.DateTimeField(_("asked by a page"), null=True, blank=True)
    last_answer = models.CharField(_("last answer"), max_length=200, blank=True)
    trade_no = models.CharField(_("the provider's number"), max_length=64, blank=True)
    paid_at = models.DateTimeField(_("paid, as the provider says"), null=True, blank=True)
    decided_at = models.DateTimeField(_("money decided"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    refunding = models.BigIntegerField(_("sum of its refunds in fen"), default=0)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("attempt_ask", "ask_at", among=Q(state=State.OPEN)),
            models.Index(
                fields=["purpose", "subject_id"], name="attempt_subject"
            ),  # opening, closing, audit
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="attempt_amount_positive"),
            models.CheckConstraint(
                condition=Q(refunding__gte=0, refunding__lte=F("amount")),
                name="attempt_not_over_refunded",
            ),
            models.CheckConstraint(
                condition=Q(state=State.PAID, decided_at__isnull=False) & ~Q(money="")
                | ~Q(state=State.PAID) & Q(money="", decided_at=None),
                name="attempt_money_decided_when_paid",
            ),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def number(self) -> str:
        """The subject's own number: the stem of the number at the provider."""
        return self.out_trade_no.rpartition("_")[0]

    def is_over(self, now: datetime) -> bool:
        """May the provider close it: its time is up, or nobody wants it any more?"""
        return self.unwanted_at is not None or now >= self.expires_at

    def is_final(self, asked_at: datetime) -> bool:
        """Does "no such trade", asked for at `asked_at`, mean that it never will be paid?"""
        return asked_at >= self.expires_at + settings.ASK_MARGIN


class Outcome(models.TextChoices):
    """How a notice ended."""

    WAITING = "", _("Not handled yet")
    SETTLED = "settled", _("Settled")
    REPEATED = "repeated", _("Heard before")
    RETURNED = "returned", _("Money goes back")
    NO_PAYMENT = "no-payment", _("Not about a payment")
    WRONG_AMOUNT = "wrong-amount", _("Wrong amount")
    FOREIGN = "foreign", _("Another app or seller")
    UNKNOWN = "unknown", _("Unknown number")


class Notice(models.Model):
    """A notify whose signature was good, as it came; `due_at` is set until it is handled."""

    provider = models.CharField(pgettext_lazy("payment", "provider"), max_length=12)
    notify_id = models.CharField(_("notify number"), max_length=128)
    out_trade_no = models.CharField(_("number"), max_length=64)
    trade_status = models.CharField(_("status"), max_length=32)
    raw = models.TextField(_("as it came"))
    received_at = models.DateTimeField(_("received"))
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    due_at = models.DateTimeField(_("handle again at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("notice_unhandled", "due_at", among=Q(handled_at=None)),
            models.Index(
                fields=["out_trade_no"], name="notice_number"
            ),  # back office: what was said of one
            # forgetting.forget(): what is old; rows are written in the order of time
            BrinIndex(fields=["received_at"], name="notice_received", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "notify_id"], name="notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.out_trade_no} {self.trade_status}"


class BillState(models.TextChoices):
    """What came of comparing one day's bill."""

    WAITING = "waiting", _("Bill not there yet")
    AGREES = "agrees", _("Agrees")
    DIFFERS = "differs", _("Differs")
    MISSING = "missing", _("No bill came")


class BillDay(models.Model):
    """One day of one provider, whose bill is compared with the books; `try_at` until that is done."""

    provider = models.CharField(pgettext_lazy("payment", "provider"), max_length=12)
    day = models.DateField(_("day"))
    state = models.CharField(
        _("state"), max_length=8, choices=BillState.choices, default=BillState.WAITING
    )
    since = models.DateTimeField(_("first asked for"))
    try_at = models.DateTimeField(_("ask at"), null=True, blank=True)
    tries = models.PositiveIntegerField(_("times asked"), default=0)
    compared_at = models.DateTimeField(_("compared"), null=True, blank=True)

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        ordering = ["-day", "provider"]
        indexes = [clock.due_index("bill_ask", "try_at", among=Q(state=BillState.WAITING))]
        constraints = [
            models.UniqueConstraint(fields=["provider", "day"], name="bill_day_once"),
            models.CheckConstraint(
                condition=Q(state=BillState.WAITING, try_at__isnull=False)
                | (~Q(state=BillState.WAITING) & Q(try_at=None)),
                name="bill_asked_while_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"


class Discord(models.TextChoices):
    """How a bill and the books disagree about one movement."""

    MISSING = "missing", _("On our books only")
    SURPLUS = "surplus", _("On the bill only")
    UNEQUAL = "unequal", _("Unequal amounts")


class Discrepancy(models.Model):
    """One movement on which a bill and the books disagreed, until somebody has looked at it.

    It is never deleted: what agrees when the day is compared again has `gone_at`.
    """

    bill = models.ForeignKey(
        BillDay, models.PROTECT, verbose_name=_("bill"), related_name="discrepancies"
    )
    kind = models.CharField(_("difference"), max_length=8, choices=Discord.choices)
    out_trade_no = models.CharField(_("number at the provider"), max_length=64)
    request_no = models.CharField(_("request number"), max_length=64, blank=True)
    ours = models.BigIntegerField(_("on our books, in fen"), null=True, blank=True)
    theirs = models.BigIntegerField(_("on the bill, in fen"), null=True, blank=True)
    found_at = models.DateTimeField(_("found"))
    gone_at = models.DateTimeField(_("agrees since"), null=True, blank=True)
    looked_at = models.DateTimeField(_("looked at"), null=True, blank=True)
    looked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("looked at by"),
        null=True,
        blank=True,
        related_name="+",
    )
    note = models.CharField(_("what came of it"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("difference from a bill")
        verbose_name_plural = _("differences from bills")
        ordering = ["-pk"]
        indexes = [
            # back office: what nobody has looked at yet
            models.Index(
                fields=["found_at"],
                name="discrepancy_open",
                condition=Q(looked_at=None, gone_at=None),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "out_trade_no", "request_no"], name="discrepancy_once"
            ),
        ]

    def __str__(self) -> str:
        return self.request_no or self.out_trade_no


class RefundState(models.TextChoices):
    SENDING = "sending", _("On its way back")
    SENT = "sent", _("Sent back")
    REFUSED = "refused", _("Refused by the provider")


class Why(models.TextChoices):
    """Why money goes back."""

    LATE = "late", _("It came after the order had lapsed")
    CANCELLED = "cancelled", _("It came for a cancelled order")
    SURPLUS = "surplus", _("It came twice")
    REFUND = "refund", _("The order is refunded")
    DEPOSIT = "deposit", _("The deposit is no longer needed")


class Refund(models.Model):
    """Money going back by the original route, under one request number for ever."""

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField(_("amount in fen"))
    why = models.CharField(_("why"), max_length=12, choices=Why.choices)
    request_no = models.CharField(_("request number"), max_length=64, unique=True)
    state = models.CharField(
        _("state"), max_length=8, choices=RefundState.choices, default=RefundState.SENDING
    )
    try_at = models.DateTimeField(_("send at"))
    tries = models.PositiveIntegerField(_("times tried"), default=0)
    started_at = models.DateTimeField(_("decided"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    last_answer = models.CharField(_("last answer"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-pk"]
        indexes = [clock.due_index("refund_send", "try_at", among=Q(state=RefundState.SENDING))]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.request_no


class NoticeTally(models.Model):
    """How many notices were not even worth storing, by day and reason."""

    day = models.DateField(_("day"))
    provider = models.CharField(pgettext_lazy("payment", "provider"), max_length=12)
    why = models.CharField(_("why"), max_length=24)
    count = models.PositiveIntegerField(_("how many"), default=0)

    class Meta:
        verbose_name = _("refused notices")
        verbose_name_plural = _("refused notices")
        constraints = [
            models.UniqueConstraint(fields=["day", "provider", "why"], name="notice_tally_once"),
        ]


HANDLE_AGAIN_AFTER = timedelta(seconds=10)
"""A recorded notice that nobody handled (its process died) is picked up after this."""
