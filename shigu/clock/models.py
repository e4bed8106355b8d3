"""Rows the clock keeps for itself: what is set aside, what is parked, what comes back each month.

None of them is needed to be right: the due columns of the apps are the truth. Losing all of these
would lose figures and backoffs, and nothing of a buyer's.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Quarantine(models.Model):
    """One row that failed alone; its due column was moved, the original is kept here."""

    kind = models.CharField(_("kind"), max_length=100)
    subject = models.BigIntegerField(_("row"))
    attempts = models.PositiveIntegerField(_("failed tries"), default=0)
    error_class = models.CharField(_("kind of error"), max_length=200)
    error = models.TextField(_("error"))
    due_at = models.DateTimeField(_("was due"))
    try_at = models.DateTimeField(_("next try"))
    failed_at = models.DateTimeField(_("last failed"))
    shown = models.BooleanField(_("shown to operators"), default=True)

    class Meta:
        verbose_name = _("row set aside")
        verbose_name_plural = _("rows set aside")
        ordering = ["-failed_at"]
        constraints = [
            models.UniqueConstraint("kind", "subject", name="quarantine_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.subject}"


class KindState(models.Model):
    """A kind as operators see it; `parked_at` is set while it rings no more."""

    name = models.CharField(_("kind"), max_length=100, unique=True)
    parked_at = models.DateTimeField(_("parked since"), null=True, blank=True)
    parked_error = models.CharField(_("parked for"), max_length=200, blank=True)
    unparked_at = models.DateTimeField(_("last set going again"), null=True, blank=True)

    class Meta:
        verbose_name = _("kind")
        verbose_name_plural = _("kinds")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Periodic(models.Model):
    """The next moment of one `every`: `moment` by the crontab, `due_at` by lease and backoff."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    expression = models.CharField(_("crontab"), max_length=100)
    zone = models.CharField(_("time zone"), max_length=60)
    moment = models.DateTimeField(_("next moment"))
    due_at = models.DateTimeField(_("due"))
    tries = models.PositiveIntegerField(_("tries"), default=0)
    started_at = models.DateTimeField(_("last started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("last ended well"), null=True, blank=True)
    took = models.DurationField(_("took"), null=True, blank=True)
    changed = models.BigIntegerField(_("changed"), null=True, blank=True)
    error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("periodic work")
        verbose_name_plural = _("periodic work")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One run of periodic work; without an end it is still going, or its process died."""

    work = models.ForeignKey(
        Periodic, models.CASCADE, verbose_name=_("periodic work"), related_name="runs"
    )
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    changed = models.BigIntegerField(_("changed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("run of periodic work")
        verbose_name_plural = _("runs of periodic work")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.work} {self.started_at:%Y-%m-%d %H:%M}"


class Dispatcher(models.Model):
    """A process that drives the clock, and when it last showed itself."""

    name = models.CharField(_("process"), max_length=200, unique=True)
    started_at = models.DateTimeField(_("started"))
    ticked_at = models.DateTimeField(_("last tick"))

    class Meta:
        verbose_name = _("dispatcher")
        verbose_name_plural = _("dispatchers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Lateness(models.Model):
    """How many rows of a kind came how late in one minute; `bucket` as in `lateness.py`."""

    kind = models.CharField(max_length=100)
    minute = models.DateTimeField()
    bucket = models.SmallIntegerField()
    rows = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("kind", "minute", "bucket", name="lateness_once"),
        ]


class Tally(models.Model):
    """What was claimed and what changed, by kind and minute."""

    kind = models.CharField(max_length=100)
    minute = models.DateTimeField()
    claimed = models.BigIntegerField(default=0)
    affected = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    batches = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("kind", "minute", name="tally_once"),
        ]
