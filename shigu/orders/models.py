"""Rows of the cart and of an order's life.

Three instants, three names: `pay_by` is the promise the buyer sees and the provider is told;
`due_at` is what the clock claims by (`pay_by`, or later while a provider must be asked first);
`Attempt.ask_at`, in payments, is when it is asked. An order's lines are frozen at placing.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from shigu import clock
from shigu.catalogue.models import Kind, Product, Sku, in_language


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


class Order(models.Model):
    """What one buyer owes or has paid, in fen, with its deadline."""

    number = models.CharField(_("number"), max_length=40, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    status = models.PositiveSmallIntegerField(
        _("status"), choices=Status.choices, default=Status.UNPAID
    )
    round = models.PositiveSmallIntegerField(_("round"), default=0)
    list_total = models.BigIntegerField(_("list price in fen"))
    payable = models.BigIntegerField(_("to pay in fen"))
    placed_at = models.DateTimeField(_("placed"))
    pay_by = models.DateTimeField(_("pay by"))
    due_at = models.DateTimeField(_("due"), null=True)
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
    """Why a line costs what it costs."""

    NONE = "", _("List price")


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
    payable = models.BigIntegerField()
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="order_line_sku_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, payable__gte=0, price__gte=F("payable")),
                name="order_line_figures",
            ),
        ]

    @property
    def name(self) -> str:
        return in_language(self.name_zh, self.name_en)

    @property
    def label(self) -> str:
        return in_language(self.label_zh, self.label_en)


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
