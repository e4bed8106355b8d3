"""Rows of the wallet: a `TopUp` is an amount somebody wants on their balance, paid through a provider."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class TopUp(models.Model):
    """An amount in fen to be paid until `pay_by`; `paid_at` is set once, when the money is on the balance.

    Nothing is held for it, so nothing expires: its attempt is closed by the clock at `pay_by`.
    """

    number = models.CharField(_("number"), max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="top_ups")
    amount = models.BigIntegerField(_("amount in fen"))
    key = models.CharField(_("idempotency key"), max_length=64)
    asked_at = models.DateTimeField(_("asked for"))
    pay_by = models.DateTimeField(_("pay by"))
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "-id"], name="top_up_mine")]  # lists: my top-ups
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="top_up_key_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="top_up_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.number

    def is_payable(self, now: datetime) -> bool:
        """May a cashier be opened at `now`?"""
        return self.paid_at is None and now < self.pay_by
