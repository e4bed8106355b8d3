"""Rows of auctions: a `Session` 专场 of `Lot`s 拍品, `Bid`s as a numbered log, `Deposit`s, `Award`s.

What a bid changes is a narrow row of its own, `Bidding`, one per lot: price, leader, end. Whoever bids,
closes, extends or withdraws locks that row, reads the clock after it, and decides from its columns alone,
so it never matters who opened or closed late. What is sold is an ordinary SKU of a product of kind `lot`;
what comes of a sale is an ordinary order. Money in fen, durations in seconds, times in UTC.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu import clock
from shigu.catalogue.models import Named, Sku, in_language
from shigu.orders.models import Order


class SessionState(models.IntegerChoices):
    DRAFT = 0, _("Draft")
    SCHEDULED = 1, _("Not open yet")
    PREVIEW = 2, _("Preview")
    LIVE = 3, _("Live")
    ENDED = 4, _("Ended")
    WITHDRAWN = 5, pgettext_lazy("auction", "Withdrawn")


class Session(Named):
    """A set of lots with one preview, one opening and, where `deposit` > 0, one deposit for all of them.

    `due_at` is its next moment: preview begins, opens, ends (set when its last lot is closed). Lots close
    at `closes_at`, one after the other where `stagger` > 0. A bid within `soft_window` of a lot's end moves
    it to `soft_extension` after the bid, at most `most_extensions` times; window 0 is a hard close.
    """

    slug = models.SlugField(unique=True)
    story_zh = models.TextField(_("description in Chinese"), blank=True)
    story_en = models.TextField(_("description in English"), blank=True)
    cover = models.ImageField(_("cover"), upload_to="sessions/", blank=True)
    motif = models.CharField(_("motif of the drawn cover"), max_length=20, blank=True)
    tone = models.CharField(_("colour of the drawn cover"), max_length=12, default="mo")
    video_url = models.URLField(_("preview video"), blank=True)
    state = models.PositiveSmallIntegerField(
        _("state"), choices=SessionState.choices, default=SessionState.DRAFT
    )
    preview_from = models.DateTimeField(_("preview begins"))
    preview_until = models.DateTimeField(_("preview ends"))
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("first lot closes"))
    stagger = models.PositiveIntegerField(_("seconds between lots"), default=0)
    soft_window = models.PositiveIntegerField(_("soft close: window in seconds"), default=120)
    soft_extension = models.PositiveIntegerField(_("soft close: extension in seconds"), default=120)
    most_extensions = models.PositiveSmallIntegerField(_("most extensions"), default=10)
    deposit = models.BigIntegerField(_("deposit for all lots in fen"), default=100_000)
    deposit_counts = models.BooleanField(_("the deposit counts toward the price"), default=False)
    pay_seconds = models.PositiveIntegerField(_("seconds to pay what was won"), default=86400)
    wild_steps = models.PositiveSmallIntegerField(
        _("confirm jumps of more than so many steps"), default=20
    )
    due_at = models.DateTimeField(_("due"), null=True, blank=True, editable=False)
    open_lots = models.PositiveIntegerField(_("lots not closed yet"), default=0, editable=False)
    views = models.PositiveIntegerField(_("views"), default=0, editable=False)
    hammer_total = models.BigIntegerField(_("hammer total in fen"), default=0, editable=False)
    paid_total = models.BigIntegerField(_("paid total in fen"), default=0, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    withdrawn_why = models.CharField(_("withdrawn because"), max_length=200, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("auction session")
        verbose_name_plural = _("auction sessions")
        ordering = ["-opens_at", "-pk"]
        indexes = [
            clock.due_index("session_due", "due_at", among=Q(state__in=[1, 2, 3])),
            models.Index(fields=["state", "opens_at"], name="session_shelf"),  # lists.shelves()
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    preview_from__lte=F("preview_until"),
                    preview_until__lte=F("opens_at"),
                    opens_at__lt=F("closes_at"),
                ),
                name="session_times_in_order",
            ),
            models.CheckConstraint(
                condition=Q(deposit__gte=0, pay_seconds__gte=10, wild_steps__gte=1),
                name="session_figures",
            ),
        ]

    @property
    def story(self) -> str:
        return in_language(self.story_zh, self.story_en)

    @property
    def is_soft(self) -> bool:
        """Does a late bid move a lot's end?"""
        return self.soft_window > 0 and self.soft_extension > 0 and self.most_extensions > 0


class LotState(models.IntegerChoices):
    """Draft and preview wait; live is read from the columns; the rest is final but for sold."""

    DRAFT = 0, _("Draft")
    PREVIEW = 1, _("Preview")
    LIVE = 2, _("Live")
    SOLD = 3, _("Sold, to be paid")
    PAID = 4, _("Sold and paid")
    PASSED_IN = 5, _("Passed in")
    OVERDUE = 6, _("Not paid in time")
    WITHDRAWN = 7, pgettext_lazy("auction", "Withdrawn")


OPEN_STATES = (LotState.PREVIEW, LotState.LIVE)
"""A lot that may be bid on, if its time has come."""


class Lot(Named):
    """One thing under the hammer: words, rules. Its rules are frozen from the preview on.

    `steps` are the increments as [[from price, step], …] in fen, ascending, the first from 0. `deposit` is
    what admits to this lot alone, and its share of a session's deposit.
    """

    session = models.ForeignKey(Session, models.PROTECT, related_name="lots")
    number = models.PositiveIntegerField(_("lot number"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="lots")
    story_zh = models.TextField(_("description in Chinese"), blank=True)
    story_en = models.TextField(_("description in English"), blank=True)
    details = models.JSONField(_("details"), default=list, blank=True)
    """Rows of 规格: [[zh, en, value zh, value en], …]."""
    start_price = models.BigIntegerField(_("start price in fen"))
    steps = models.JSONField(_("increments"))
    reserve = models.BigIntegerField(_("hidden reserve in fen"), null=True, blank=True)
    deposit = models.BigIntegerField(_("deposit in fen"), default=0)
    relisted_from = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="relisted_as"
    )
    withdrawn_why = models.CharField(
        _("withdrawn because"), max_length=200, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        ordering = ["session", "number"]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="lot_number_once"),
            models.CheckConstraint(
                condition=Q(start_price__gte=0, deposit__gte=0)
                & (Q(reserve=None) | Q(reserve__gte=F("start_price"))),
                name="lot_figures",
            ),
        ]

    @property
    def story(self) -> str:
        return in_language(self.story_zh, self.story_en)


class LotPicture(models.Model):
    """One uploaded picture of a lot; without any its cover is drawn."""

    lot = models.ForeignKey(Lot, models.CASCADE, related_name="pictures")
    image = models.ImageField(_("picture of the lot"), upload_to="lots/")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]


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
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="deposits")
    session = models.ForeignKey(Session, models.PROTECT, related_name="deposits")
    lot = models.ForeignKey(Lot, models.PROTECT, null=True, blank=True, related_name="deposits")
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


class AwardState(models.IntegerChoices):
    PENDING = 0, _("To be paid")
    PAID = 1, _("Paid")
    OVERDUE = 2, _("Not paid in time")
    CANCELLED = 3, _("Taken back by the shop")


class Award(models.Model):
    """A lot goes to somebody: at the hammer, or (`second_chance`) to the next bidder at their own amount.

    `forfeited` is what its deposit lost because it was not paid; `reversed_at` says that this, or what was
    counted toward the price, went back to the deposit after all.
    """

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="awards")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="awards")
    order = models.OneToOneField(Order, models.PROTECT, related_name="award")
    deposit = models.ForeignKey(Deposit, models.PROTECT, null=True, related_name="awards")
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

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bans")
    since = models.DateTimeField()
    until = models.DateTimeField(_("until"))
    award = models.OneToOneField(Award, models.PROTECT, null=True, blank=True, related_name="ban")
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    note = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("bar from bidding")
        verbose_name_plural = _("bars from bidding")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "until"], name="ban_of_user")]


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
