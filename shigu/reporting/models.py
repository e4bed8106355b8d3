"""Rows of reports: `Month`, the accounts of one calendar month in the shop's zone, amounts in fen."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from shigu.kit.money import Fen


class Month(models.Model):
    """Counted again, it says the same: what it counts is append-only, and its zone stays with it."""

    first = models.DateField(_("month"), unique=True)
    zone = models.CharField(_("time zone"), max_length=60)
    counted_at = models.DateTimeField(_("counted"))
    placed = models.BigIntegerField(_("orders placed"), default=0)
    paid = models.BigIntegerField(_("orders paid"), default=0)
    lapsed = models.BigIntegerField(_("orders lapsed"), default=0)
    cancelled = models.BigIntegerField(_("orders cancelled"), default=0)
    takings = models.BigIntegerField(_("takings in fen"), default=0)
    from_balance = models.BigIntegerField(_("of them from balances, in fen"), default=0)
    refunds = models.BigIntegerField(_("refunds in fen"), default=0)
    forfeits = models.BigIntegerField(_("forfeits in fen"), default=0)
    top_ups = models.BigIntegerField(_("top-ups in fen"), default=0)
    credits_issued = models.BigIntegerField(_("credits issued"), default=0)
    credits_redeemed = models.BigIntegerField(_("credits redeemed"), default=0)

    class Meta:
        verbose_name = _("month")
        verbose_name_plural = _("months")
        ordering = ["-first"]
        constraints = [
            models.CheckConstraint(
                condition=Q(first__day=1),
                name="month_begins_on_its_first",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def net(self) -> Fen:
        """What the month brought: takings and forfeits, less what went back."""
        return self.takings + self.forfeits - self.refunds

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From its first instant to the next month's, in its own zone."""
        zone = ZoneInfo(self.zone)
        year, month = self.first.year, self.first.month
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        return datetime(year, month, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)
