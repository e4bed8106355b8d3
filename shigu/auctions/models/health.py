"""Whether bids could be taken: processes that say so, and times in which none did."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """A web process that could take bids a moment ago: written a second after a real probe."""

    process = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()


class Outage(models.Model):
    """A time in which no process could take bids; lots whose end fell into it were extended."""

    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    lots = models.PositiveIntegerField(_("lots extended"), default=0)

    class Meta:
        verbose_name = _("outage")
        verbose_name_plural = _("outages")
        ordering = ["-since"]
