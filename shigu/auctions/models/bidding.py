"""What a bid touches: `Bidding`, the lot's hot row; `Bid`s as a numbered log; extensions; paddles."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.auctions.models.sales import OPEN_STATES, Lot, LotState, Session


class Bidding(models.Model):
    """Where a lot stands: the row that a bid locks and changes. Narrow; no index on price or leader.

    `price` is what is shown (None before the first bid), `maximum` what the leader would go to, hidden.
    `decisions` numbers every bid that was decided, refused ones included; `bids` counts the accepted ones.
    `decided_at` is the time of the last one: no later decision is before it.
    `closes_at` moves with extensions; `due_at` follows it while the lot is open.
    """

    lot = models.OneToOneField(Lot, models.PROTECT, primary_key=True, related_name="bidding")
    session_id = models.BigIntegerField(editable=False)
    sku_id = models.BigIntegerField(editable=False)
    state = models.PositiveSmallIntegerField(choices=LotState.choices, default=LotState.DRAFT)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    price = models.BigIntegerField(null=True)
    leader_id = models.BigIntegerField(null=True)
    maximum = models.BigIntegerField(null=True)
    bids = models.PositiveIntegerField(default=0)
    decisions = models.PositiveIntegerField(default=0)
    extensions = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    """Grows with whatever a page shows; what pages and event streams compare."""
    decided_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    hammer = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("bidding")
        verbose_name_plural = _("biddings")
        indexes = [
            clock.due_index("bidding_due", "due_at", among=Q(state__in=[1, 2]), pk="lot"),
            models.Index(fields=["session_id"], name="bidding_session"),  # a session's grid
        ]
        constraints = [
            # one thing is under one hammer at a time
            models.UniqueConstraint(
                fields=["sku_id"], name="sku_in_one_open_lot", condition=Q(state__in=[1, 2, 3])
            ),
            models.CheckConstraint(
                condition=Q(state__in=[1, 2], due_at__isnull=False)
                | ~Q(state__in=[1, 2]) & Q(due_at=None),
                name="bidding_due_while_open",
            ),
            models.CheckConstraint(
                condition=Q(price=None, leader_id=None, maximum=None)
                | Q(price__isnull=False, leader_id__isnull=False, maximum__gte=F("price")),
                name="bidding_leader_can_pay",
            ),
        ]

    def is_open(self, now: datetime) -> bool:
        """May it be bid on at `now`? Read from its own columns, whoever opened it or did not."""
        return self.state in OPEN_STATES and self.opens_at <= now < self.closes_at


class Verdict(models.TextChoices):
    """What was decided about a bid; everything but the first two is a refusal."""

    ACCEPTED = "accepted", _("Accepted")
    RAISED = "raised", _("Own maximum raised")
    TOO_LOW = "too-low", _("Below the least amount")
    LEADING = "leading", _("Leads already")
    NOT_OPEN = "not-open", _("Not open yet")
    ENDED = "ended", _("Over")
    NO_DEPOSIT = "no-deposit", _("No deposit")
    BANNED = "banned", _("Barred from bidding")
    WILD = "wild", _("A big jump, not confirmed")
    OWN = "own", _("Made by the house")


class Bid(models.Model):
    """One decision about one bid, numbered per lot from 1 without a gap; append-only.

    `amount` is what was bid, `maximum` up to where the house may bid on (None: just the amount). `least` is
    the least valid amount at that moment and `met_end` the end that the bid met; `price`, `leader_id` and
    `closes_at` are what it left behind. A lot that is closed decides no more, so its log ends with it.
    """

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="log", db_constraint=False)
    n = models.PositiveIntegerField()
    at = models.DateTimeField()
    bidder_id = models.BigIntegerField()
    key = models.CharField(max_length=64)
    amount = models.BigIntegerField()
    maximum = models.BigIntegerField(null=True)
    confirmed = models.BooleanField(default=False)
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    least = models.BigIntegerField()
    price = models.BigIntegerField(null=True)
    leader_id = models.BigIntegerField(null=True)
    met_end = models.DateTimeField()
    closes_at = models.DateTimeField()

    class Meta:
        verbose_name = _("bid")
        verbose_name_plural = _("bids")
        ordering = ["lot", "n"]
        indexes = [models.Index(fields=["bidder_id", "-id"], name="bid_mine")]  # my bids
        constraints = [
            models.UniqueConstraint(fields=["lot", "n"], name="bid_numbered_once"),
            models.UniqueConstraint(fields=["lot", "bidder_id", "key"], name="bid_key_once"),
        ]


class Moved(models.TextChoices):
    """Why the end of an open lot was moved by something else than a bid."""

    OPERATOR = "operator", _("An operator gave more time")
    OUTAGE = "outage", _("Nobody could bid")


class Extension(models.Model):
    """The end of an open lot moved by an operator or an outage, after decision `after`; append-only.

    What bids move is in their own rows; together they tell every end that the lot ever had.
    """

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="extensions")
    after = models.PositiveIntegerField(_("after decision"))
    at = models.DateTimeField()
    met_end = models.DateTimeField(_("end before"))
    closes_at = models.DateTimeField(_("end after"))
    why = models.CharField(_("reason"), max_length=12, choices=Moved.choices)
    by_id = models.BigIntegerField(_("operator"), null=True)

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        ordering = ["lot", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("met_end")), name="extension_is_later"
            ),
        ]


class Paddle(models.Model):
    """A bidder's number 竞买号 in one session: what others see of them."""

    session = models.ForeignKey(Session, models.PROTECT, related_name="paddles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="paddles")
    number = models.PositiveIntegerField(_("paddle"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "user"], name="paddle_once"),
            models.UniqueConstraint(fields=["session", "number"], name="paddle_number_once"),
        ]
