"""The outbox: one row for each event, person and channel, written in the event's own transaction.

The row of the inbox is the entry itself, there as soon as the event is. Rows of other channels wait
until the clock carries them out (`delivering`). `subject` is the id of what it is about (an order, a
refund), `round` tells apart what may happen to one subject more than once.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from shigu import clock


class State(models.TextChoices):
    KEPT = "kept", _("In the inbox")
    WAITING = "waiting", _("Waits to be sent")
    SENT = "sent", _("Sent")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    REFUSED = "refused", _("Refused by the mail server")
    GIVEN_UP = "given-up", _("Given up")


class Notice(models.Model):
    """One person is told of one event through one channel."""

    event = models.CharField(_("event"), max_length=24)
    subject = models.BigIntegerField(_("subject"))
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="notices",
        db_index=False,
        # Whoever is told is joined in the very statement that writes the row; checking it again, row by
        # row at the end of a batch that holds what buyers wait for, costs as much as writing it.
        db_constraint=False,
    )
    channel = models.CharField(_("channel"), max_length=8)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    at = models.DateTimeField(_("happened"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    tries = models.PositiveIntegerField(_("tries"), default=0)
    ended_at = models.DateTimeField(_("sent or ended"), null=True, blank=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    class Meta:
        verbose_name = _("notice to a person")
        verbose_name_plural = _("notices to people")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("notice_due", "due_at", among=Q(state="waiting")),
            # inbox.mine(), inbox.unread(): a person's entries, newest first
            models.Index(fields=["user", "-id"], name="notice_mine", condition=Q(channel="inbox")),
            # forgetting.forget(): what is old; rows are written in the order of time
            BrinIndex(fields=["at"], name="notice_age", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "event", "round", "user", "channel"], name="notice_told_once"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", due_at__isnull=False)
                | (~Q(state="waiting") & Q(due_at=None)),
                name="notice_due_while_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """What it is told once by."""
        return f"{self.event}/{self.subject}/{self.round}/{self.user_id}/{self.channel}"


class Silence(models.Model):
    """Somebody does not want to hear of one kind of event through one channel."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="silences")
    event = models.CharField(max_length=24)
    channel = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "event", "channel"], name="silence_once"),
        ]
