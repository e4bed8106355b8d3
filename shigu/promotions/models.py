"""Rows of coupons: a `Coupon` is what the shop offers, a `Grant` is one of them in somebody's hand.

A coupon keeps only how many were `issued` (one conditional update guards the last one); used and held are
counted from its grants. A grant copies the coupon's times, so that changing an offer changes nobody's
coupon, and `due_at` is when the clock lets an unused one lapse. An `Issuing` gives one to many people.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.catalogue.models import Named, Scoped


class CouponKind(models.TextChoices):
    FIXED = "fixed", _("Amount off")
    RATE = "rate", _("Percent")


class Way(models.TextChoices):
    """How buyers come by a coupon."""

    OPERATOR = "operator", _("Given by the shop")
    CLAIM = "claim", _("Claimed")
    CODE = "code", _("By code")
    SIGN_UP = "sign-up", _("On signing up")


def plain_code(text: str) -> str:
    """A code as it is kept and compared: full-width or not, capitals, nothing that cannot be seen."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] not in "CZ")


class Coupon(Scoped, Named):
    """What the shop offers: `amount` fen off, or `percent` still paid, from `least` fen on eligible lines.

    A rate takes the dearest eligible line, or with `on_all_lines` all of them. Buyers claim it, use its
    `code`, or get it on signing up, as `way` says; operators can always give it.
    """

    kind = models.CharField(_("kind"), max_length=5, choices=CouponKind.choices)
    amount = models.BigIntegerField(_("off in fen"), null=True, blank=True)
    percent = models.PositiveSmallIntegerField(_("percent still paid"), null=True, blank=True)
    least = models.BigIntegerField(_("minimum spend in fen"), default=0)
    on_all_lines = models.BooleanField(_("rate on all eligible lines"), default=False)
    on_lots = models.BooleanField(_("also on auction lots"), default=False)
    way = models.CharField(_("how to get it"), max_length=8, choices=Way.choices, default=Way.CLAIM)
    code = models.CharField(_("code"), max_length=32, blank=True)
    total = models.PositiveIntegerField(_("how many"))
    issued = models.PositiveIntegerField(_("issued"), default=0, editable=False)
    per_user = models.PositiveSmallIntegerField(_("most per buyer"), default=1)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    on_offer = models.BooleanField(_("on offer"), default=True)

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="fixed", amount__gt=0, percent=None)
                | Q(kind="rate", amount=None, percent__gte=1, percent__lte=99),
                name="coupon_figures",
            ),
            models.CheckConstraint(
                condition=Q(issued__lte=F("total")), name="coupon_not_over_issued"
            ),
            models.CheckConstraint(condition=Q(per_user__gte=1), name="coupon_per_user"),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")), name="coupon_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(way="code") & ~Q(code="") | ~Q(way="code") & Q(code=""),
                name="coupon_code_where_it_counts",
            ),
            models.UniqueConstraint(
                fields=["code"], name="coupon_code_once", condition=~Q(code="")
            ),
            models.CheckConstraint(
                condition=Q(code=Upper("code")) & ~Q(code__contains=" "), name="coupon_code_plain"
            ),
        ]

    def save(self, *args: Any, **options: Any) -> None:
        """The code is kept as it is compared."""
        self.code = plain_code(self.code)
        super().save(*args, **options)

    @property
    def left(self) -> int:
        """How many can still be issued."""
        return self.total - self.issued


class GrantState(models.TextChoices):
    UNUSED = "unused", _("Unused")
    HELD = "held", _("Held by an order")
    USED = "used", _("Used")
    LAPSED = "lapsed", _("Lapsed")
    REVOKED = "revoked", _("Revoked")


class Grant(models.Model):
    """One coupon in one buyer's hand. Held and used ones name their order; `promotions.holding` writes that."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="grants")
    nth = models.PositiveSmallIntegerField()
    state = models.CharField(
        _("state"), max_length=7, choices=GrantState.choices, default=GrantState.UNUSED
    )
    order_id = models.BigIntegerField(_("order"), null=True, blank=True)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"))
    due_at = models.DateTimeField(_("lapses"), null=True, blank=True)
    got_at = models.DateTimeField(_("granted"))
    way = models.CharField(_("how"), max_length=8, choices=Way.choices)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    by_id = models.BigIntegerField(_("by"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("coupon grant")
        verbose_name_plural = _("coupon grants")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("grant_due", "due_at", among=Q(state="unused")),
            models.Index(fields=["user", "state", "-id"], name="grant_mine"),  # lists: my coupons
        ]
        constraints = [
            models.UniqueConstraint(fields=["coupon", "user", "nth"], name="grant_once"),
            # holding.release and use find grants by it; an order holds one coupon
            models.UniqueConstraint(
                fields=["order_id"], name="grant_one_per_order", condition=Q(order_id__isnull=False)
            ),
            models.CheckConstraint(
                condition=Q(state__in=["held", "used"], order_id__isnull=False)
                | (~Q(state__in=["held", "used"]) & Q(order_id=None)),
                name="grant_names_its_order",
            ),
            models.CheckConstraint(
                condition=Q(state="unused", due_at__isnull=False)
                | (~Q(state="unused") & Q(due_at=None)),
                name="grant_due_while_unused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id}/{self.user_id}/{self.nth}"

    def is_usable(self, now: datetime) -> bool:
        """May an order take it at `now`?"""
        return self.state == GrantState.UNUSED and self.valid_from <= now < self.valid_until

    def state_at(self, now: datetime) -> GrantState:
        """What it is to its buyer at `now`: past its end an unused one is lapsed, whoever tidies when."""
        if self.state == GrantState.UNUSED and now >= self.valid_until:
            return GrantState.LAPSED
        return GrantState(self.state)


class Audience(models.TextChoices):
    """Whom the shop gives a coupon."""

    ALL = "all", _("Everybody")
    STUDENTS = "students", _("Students")
    LISTED = "listed", _("People on a list")


class Issuing(models.Model):
    """One coupon for many people, in batches: how far it is, and what became of them. See `issuing`.

    People up to `until_id` are meant, so those who join meanwhile change no figure; `after_id` is the last
    one done. `due_at` is when the next batch may be taken: at once, until it is done.
    """

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="issuings")
    audience = models.CharField(_("for whom"), max_length=8, choices=Audience.choices)
    listed = ArrayField(models.BigIntegerField(), default=list, blank=True)
    by_id = models.BigIntegerField(_("by"), null=True, blank=True)
    until_id = models.BigIntegerField(default=0)
    after_id = models.BigIntegerField(default=0)
    people = models.PositiveIntegerField(_("people"), default=0)
    gave = models.PositiveIntegerField(_("got one"), default=0)
    had = models.PositiveIntegerField(_("had one"), default=0)
    short = models.PositiveIntegerField(_("got none"), default=0)
    started_at = models.DateTimeField(_("started"))
    due_at = models.DateTimeField(_("next batch"), null=True, blank=True)
    ended_at = models.DateTimeField(_("done at"), null=True, blank=True)

    class Meta:
        verbose_name = _("issuing")
        verbose_name_plural = _("issuings")
        ordering = ["-pk"]
        indexes = [clock.due_index("issuing_due", "due_at", among=Q(ended_at=None))]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None, due_at__isnull=False)
                | Q(ended_at__isnull=False, due_at=None),
                name="issuing_due_until_done",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon} #{self.pk}"

    @property
    def done(self) -> int:
        """How many people it has seen to."""
        return self.gave + self.had + self.short
