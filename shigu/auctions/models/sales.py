"""What is under the hammer: a `Session` 专场 with its times, its `Lot`s 拍品 with their words and rules."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu import clock
from shigu.catalogue.models import Named, Sku, in_language


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
    again_price: int | None
    again_user_id: int | None
    """Of the second chance that stands: no columns, only `auctions.lists.with_offers` reads them."""

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
