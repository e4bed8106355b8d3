"""What admits a bidder: a `Deposit` 保证金, for one lot or for all lots of a session."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu import clock
from shigu.auctions.models.sales import Lot, Session


class DepositState(models.IntegerChoices):
    PENDING = 0, _("To be paid")
    HELD = 1, _("Held")
    DECIDED = 2, _("Decided")
    LAPSED = 3, _("Not paid in time")


LIVE_DEPOSITS = (DepositState.PENDING, DepositState.HELD)


class Deposit(models.Model):
    """What admits a bidder: to one lot, or (lot empty) to all lots of the session.

    Its money is in an account of its own in the ledger. `decide_at` is set by whatever happens to a lot;
    the clock then decides, under this row's lock. paid = held + returned + forfeited + applied, always.
    """

    number = models.CharField(_("number"), max_length=40, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="deposits", verbose_name=_("bidder")
    )
    session = models.ForeignKey(
        Session,
        models.PROTECT,
        related_name="deposits",
        verbose_name=pgettext_lazy("auctions", "session"),
    )
    lot = models.ForeignKey(
        Lot, models.PROTECT, null=True, blank=True, related_name="deposits", verbose_name=_("lot")
    )
    amount = models.BigIntegerField(_("amount in fen"))
    key = models.CharField(_("idempotency key"), max_length=64)
    state = models.PositiveSmallIntegerField(
        _("state"), choices=DepositState.choices, default=DepositState.PENDING
    )
    asked_at = models.DateTimeField(_("asked for"))
    pay_by = models.DateTimeField(_("pay by"))
    due_at = models.DateTimeField(_("lapses"), null=True, blank=True)
    decide_at = models.DateTimeField(_("to be decided"), null=True, blank=True)
    attempt_id = models.BigIntegerField(_("paid by"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    returned = models.BigIntegerField(_("returned in fen"), default=0)
    forfeited = models.BigIntegerField(_("forfeited in fen"), default=0)
    applied = models.BigIntegerField(_("counted toward a price in fen"), default=0)
    ended_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("deposit")
        verbose_name_plural = _("deposits")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("deposit_due", "due_at", among=Q(state=0)),
            clock.due_index("deposit_decide", "decide_at", among=Q(state=1)),
            models.Index(fields=["session", "state"], name="deposit_of_session"),  # lots close
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="deposit_key_once"),
            models.UniqueConstraint(
                fields=["user", "session"],
                name="deposit_one_per_session",
                condition=Q(lot=None, state__in=[0, 1]),
            ),
            models.UniqueConstraint(
                fields=["user", "lot"],
                name="deposit_one_per_lot",
                condition=Q(lot__isnull=False, state__in=[0, 1]),
            ),
            models.CheckConstraint(
                condition=Q(
                    amount__gt=0,
                    returned__gte=0,
                    forfeited__gte=0,
                    applied__gte=0,
                    amount__gte=F("returned") + F("forfeited") + F("applied"),
                ),
                name="deposit_conserved",
            ),
            models.CheckConstraint(
                condition=Q(state=0, due_at__isnull=False) | ~Q(state=0) & Q(due_at=None),
                name="deposit_due_while_pending",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def left(self) -> int:
        """What is still held, in fen."""
        return self.amount - self.returned - self.forfeited - self.applied
