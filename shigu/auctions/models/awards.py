"""What comes of a lot: an `Award` with its order, and a `Ban` for who did not pay."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from shigu.auctions.models.deposits import Deposit
from shigu.auctions.models.sales import Lot
from shigu.orders.models import Order


class AwardState(models.IntegerChoices):
    PENDING = 0, _("To be paid")
    PAID = 1, _("Paid")
    OVERDUE = 2, _("Not paid in time")
    CANCELLED = 3, _("Taken back by the shop")


class Award(models.Model):
    """A lot goes to somebody: at the hammer, or (`second_chance`) to the next bidder at their own amount.

    `decided_at` is when it was paid, was not, or was taken back; a refund later does not move it. `forfeited`
    is what its deposit lost because it was not paid; `reversed_at` says that this, or what was counted toward
    the price, went back to the deposit after all.
    """

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="awards", verbose_name=_("lot"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="awards", verbose_name=_("bidder")
    )
    order = models.OneToOneField(
        Order, models.PROTECT, related_name="award", verbose_name=_("order")
    )
    deposit = models.ForeignKey(
        Deposit, models.PROTECT, null=True, related_name="awards", verbose_name=_("deposit")
    )
    price = models.BigIntegerField(_("hammer price in fen"))
    counted = models.BigIntegerField(_("deposit toward the price in fen"), default=0)
    """What the deposit will pay of it, where the session says that it counts; off the order's payable."""
    state = models.PositiveSmallIntegerField(
        _("state"), choices=AwardState.choices, default=AwardState.PENDING
    )
    second_chance = models.BooleanField(_("second chance"), default=False)
    at = models.DateTimeField(_("awarded"))
    pay_by = models.DateTimeField(_("pay by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    forfeited = models.BigIntegerField(_("forfeited in fen"), default=0)
    reversed_at = models.DateTimeField(_("deposit given back after all"), null=True, blank=True)

    class Meta:
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lot"], name="award_one_per_lot", condition=Q(state__in=[0, 1])
            ),
            models.CheckConstraint(
                condition=Q(forfeited__gte=0, counted__gte=0, price__gte=F("counted")),
                name="award_figures",
            ),
        ]


class Ban(models.Model):
    """Somebody who did not pay what they won may not bid for a time."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="bans", verbose_name=_("bidder")
    )
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    award = models.OneToOneField(Award, models.PROTECT, null=True, blank=True, related_name="ban")
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    note = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("bar from bidding")
        verbose_name_plural = _("bars from bidding")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "until"], name="ban_of_user")]
