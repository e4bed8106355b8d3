"""Rows of what was bought to study: one `Enrolment` per fulfilled order line, with its end."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from shigu.catalogue.models import Product


class Enrolment(models.Model):
    """A course that somebody may study from `valid_from` until `valid_until` (None: for ever).

    `order_line_id` is unique: however often a payment is told, its line enrols once.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="enrolments")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    order_line_id = models.BigIntegerField(unique=True)
    valid_from = models.DateTimeField(_("from"))
    valid_until = models.DateTimeField(_("until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("taken back"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["-pk"]
        indexes = [
            # running(): may this be bought or studied now?
            models.Index(
                fields=["user", "product"], name="enrolment_of", condition=Q(revoked_at=None)
            ),
        ]

    def is_running(self, now: datetime) -> bool:
        """May it be studied at `now`?"""
        ends_later = self.valid_until is None or now < self.valid_until
        return self.revoked_at is None and ends_later
