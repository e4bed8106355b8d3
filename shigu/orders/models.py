"""Rows of the cart and of an order's life.

Each instant has a name: `pay_by` is the promise the buyer sees and the provider is told;
`due_at` is what the clock claims by (`pay_by`, or later while a provider must be asked first);
`Attempt.ask_at`, in payments, is when it is asked; at `remind_at` the buyer is reminded.
An order's lines are frozen at placing.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shigu import clock
from shigu.catalogue.models import Kind, Product, Sku, in_language
from shigu.promotions.models import Grant


class CartLine(models.Model):
    """One SKU in somebody's cart; only selected lines are ordered."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="cart_lines")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    sku = models.ForeignKey(Sku, models.CASCADE, related_name="+")
    quantity = models.PositiveSmallIntegerField(default=1)
    selected = models.BooleanField(default=True)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["-added_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "sku"], name="cart_sku_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=99), name="cart_quantity"
            ),
        ]


class Status(models.IntegerChoices):
    UNPAID = 0, _("Unpaid")
    PAID = 1, _("Paid")
    CANCELLED = 2, _("Cancelled")
    EXPIRED = 3, _("Expired")
    REFUNDED = 4, _("Refunded")


TO_REMIND = Q(status=Status.UNPAID, remind_at__isnull=False)


class Origin(models.TextChoices):
    """Where an order comes from, and so whose rules its end follows (`orders.origins`)."""

    SHOP = "", pgettext_lazy("where an order comes from", "Shop")
    LOT = "lot", _("Auction")


class Order(models.Model):
    """What one buyer owes or has paid, in fen, with its deadline.

    `grant`, `coupon_off` and `credits` say what it holds while it is unpaid, and what it used when paid.
    """

    number = models.CharField(_("number"), max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    status = models.PositiveSmallIntegerField(
        _("status"), choices=Status.choices, default=Status.UNPAID
    )
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    origin = models.CharField(
        _("from"), max_length=4, choices=Origin.choices, blank=True, default="", db_default=""
    )
    list_total = models.BigIntegerField(_("list price in fen"))
    payable = models.BigIntegerField(_("to pay in fen"))
    grant = models.ForeignKey(
        Grant,
        models.PROTECT,
        verbose_name=_("coupon"),
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    coupon_off = models.BigIntegerField(_("off by coupon in fen"), default=0, db_default=0)
    credits = models.PositiveIntegerField(_("credits"), default=0, db_default=0)
    credits_off = models.BigIntegerField(_("off by credits in fen"), default=0, db_default=0)
    earned = models.PositiveIntegerField(_("credits earned"), default=0, db_default=0)
    placed_at = models.DateTimeField(_("placed"))
    pay_by = models.DateTimeField(_("pay by"))
    due_at = models.DateTimeField(_("due"), null=True)
    remind_at = models.DateTimeField(_("reminder due"), null=True, blank=True)
    settled_at = models.DateTimeField(_("paid"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    key = models.CharField(_("idempotency key"), max_length=64)
    refunding_at = models.DateTimeField(_("refund decided"), null=True, blank=True)
    sent_to = models.CharField(_("sent to"), max_length=320, blank=True)
    hidden = models.BooleanField(_("deleted by the buyer"), default=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-pk"]
        indexes = [
            clock.due_index("order_due", "due_at", among=Q(status=Status.UNPAID)),
            clock.due_index("order_remind", "remind_at", among=TO_REMIND),
            # lists.mine(): a buyer's orders and their counts by status
            models.Index(
                fields=["user", "status", "-id"], name="order_mine", condition=Q(hidden=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="order_key_once"),
            models.CheckConstraint(condition=Q(payable__gte=0), name="order_payable_not_negative"),
            models.CheckConstraint(
                condition=Q(status=Status.UNPAID, due_at__isnull=False)
                | (~Q(status=Status.UNPAID) & Q(due_at=None)),
                name="order_due_while_unpaid",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def is_payable(self, now: datetime) -> bool:
        """May a cashier be opened at `now`? What has no backstop ends exactly at `pay_by`."""
        return self.status == Status.UNPAID and now < self.pay_by


class Reason(models.TextChoices):
    """Why a line costs what it costs: an activity's kind, or nothing."""

    NONE = "", _("List price")
    FREE = "free", _("Free for a time")
    DISCOUNT = "discount", _("Discount for a time")
    REDUCTION = "reduction", _("Reduction for a time")
    THRESHOLD = "threshold", _("Spend and save")
    BUNDLE = "bundle", _("Bundle")
    STUDENT = "student", _("Student price")


class OrderLine(models.Model):
    """One SKU as it was when the order was placed: words, prices in fen, what fulfils it."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="+")
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    label_zh = models.CharField(max_length=60, blank=True)
    label_en = models.CharField(max_length=60, blank=True)
    validity_days = models.PositiveIntegerField(null=True, blank=True)
    quantity = models.PositiveSmallIntegerField()
    unit_price = models.BigIntegerField()
    price = models.BigIntegerField()
    coupon_off = models.BigIntegerField(default=0, db_default=0)
    credits = models.PositiveIntegerField(default=0, db_default=0)
    credits_off = models.BigIntegerField(default=0, db_default=0)
    payable = models.BigIntegerField()
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True)
    activity_zh = models.CharField(max_length=120, blank=True, db_default="")
    activity_en = models.CharField(max_length=160, blank=True, db_default="")
    is_renewal = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="order_line_sku_once"),
            models.CheckConstraint(
                condition=Q(
                    quantity__gte=1,
                    payable__gte=0,
                    coupon_off__gte=0,
                    credits_off__gte=0,
                    price=F("payable") + F("coupon_off") + F("credits_off"),
                ),
                name="order_line_figures",
            ),
        ]

    @property
    def name(self) -> str:
        return in_language(self.name_zh, self.name_en)

    @property
    def label(self) -> str:
        return in_language(self.label_zh, self.label_en)

    @property
    def activity(self) -> str:
        """The name of the activity that made its price; empty without one."""
        return in_language(self.activity_zh, self.activity_en)


class OrderEvent(models.Model):
    """Append-only history: who moved an order, when, from where to where, and why."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    by_id = models.BigIntegerField(null=True)
    was = models.PositiveSmallIntegerField(null=True, choices=Status.choices)
    status = models.PositiveSmallIntegerField(choices=Status.choices)
    why = models.CharField(max_length=16)

    class Meta:
        ordering = ["pk"]
        indexes = [
            # reporting.counting: what happened in a month; rows are written in the order of time
            BrinIndex(fields=["at"], name="order_event_time", autosummarize=True),
        ]


class Shipment(models.Model):
    """Goods of a paid order: to be shipped while `shipped_at` is empty."""

    order = models.OneToOneField(Order, models.PROTECT, primary_key=True, related_name="shipment")
    since = models.DateTimeField(_("paid"))
    shipped_at = models.DateTimeField(_("shipped"), null=True, blank=True)
    carrier = models.CharField(_("carrier"), max_length=40, blank=True)
    tracking_no = models.CharField(_("tracking number"), max_length=60, blank=True)
    recalled_at = models.DateTimeField(_("called back"), null=True, blank=True)

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        ordering = ["-since"]
        indexes = [
            # back office: what waits to be shipped, oldest first
            models.Index(
                fields=["since"],
                name="shipment_waiting",
                condition=Q(shipped_at=None, recalled_at=None),
            ),
        ]
