"""Rows of the ledger: `Account` with its bounded balance, `Transfer` from one account to another.

An account's id says what it is: the owner's id and the `Book` it is in. `account(Book.CREDITS, alice.pk)`
needs no look-up, and the unit (fen or credits) is a bit of the book, so the database itself refuses a
transfer between units. One row per transfer, so every sum is zero by construction. House accounts keep no
balance (they would be the hottest rows of a shop); they are sums over transfers.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

HOUSE = 16
IN_CREDITS = 32


class Book(models.IntegerChoices):
    """What an account holds. Bit 5: credits, else fen. Bit 4: the house's, else somebody's own."""

    BALANCE = 1, _("Balance")
    DEPOSIT = 2, _("Deposit held")
    SALES = HOUSE + 1, _("Sales")
    CLEARING = HOUSE + 2, _("At the payment provider")
    TRANSIT = HOUSE + 3, _("Refunds in transit")
    GIVEN = HOUSE + 4, _("Given by the shop")
    FORFEITED = HOUSE + 5, _("Forfeited deposits")
    CREDITS = IN_CREDITS + 1, _("Credits")
    CREDITS_HELD = IN_CREDITS + 2, _("Credits held by orders")
    ISSUED = IN_CREDITS + HOUSE + 1, _("Credits issued")
    REDEEMED = IN_CREDITS + HOUSE + 2, _("Credits redeemed")


class Event(models.TextChoices):
    """The business event that a transfer records; once per event and subject."""

    WELCOME = "welcome", _("Signed up")
    HOLD = "hold", _("Held for an order")
    RELEASE = "release", _("Came back from an order")
    SPEND = "spend", _("Used for an order")
    EARN = "earn", _("Earned by a purchase")
    GIVE_BACK = "give-back", _("Came back with a refund")
    TAKE_BACK = "take-back", _("Taken back with a refund")
    ADJUST = "adjust", _("Adjusted by the shop")
    PAYMENT = "payment", _("Paid")
    TOP_UP = "top-up", _("Topped up")
    RETURNING = "returning", _("Cannot be used, goes back")
    REFUND = "refund", _("Refund decided")
    REFUNDED = "refunded", _("Refund arrived")
    DEPOSIT = "deposit", _("Deposit paid")
    FORFEIT = "forfeit", _("Deposit forfeited")
    APPLY = "apply", _("Deposit counted toward the price")
    REVERSE = "reverse", _("Forfeited or counted before, undone")


def account(book: Book, owner: int = 0) -> int:
    """The id of somebody's account, or of the house's own."""
    return owner << 8 | book


def book_of(account_id: int) -> Book:
    """Which book an account is in."""
    return Book(account_id & 255)


def owner_of(account_id: int) -> int:
    """Whose account it is; 0 is the house. A deposit's account belongs to the deposit, not to a user."""
    return account_id >> 8


class Account(models.Model):
    """What somebody has in one book, in fen or credits; never below zero. `ledger.posting` alone writes it."""

    id = models.BigIntegerField(primary_key=True)
    balance = models.BigIntegerField(_("balance"), default=0)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="account_not_below_zero"),
            models.CheckConstraint(
                condition=Q(Exact(F("id").bitand(HOUSE), 0)), name="account_not_of_the_house"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.book.label} {self.owner}"

    @property
    def book(self) -> Book:
        return book_of(self.pk)

    @property
    def owner(self) -> int:
        """The user's id; in the book of deposits, the deposit's."""
        return owner_of(self.pk)


class Transfer(models.Model):
    """`amount` (fen or credits) moved from `debit` to `credit`. Append-only: a trigger refuses the rest.

    `subject` is the id of the row whose event this is, `nth` tells its rounds apart: an order that
    lapses, is restored and lapses again releases twice, each once.
    """

    kind = models.CharField(_("event"), max_length=12, choices=Event.choices)
    subject = models.BigIntegerField(_("of"))
    nth = models.PositiveSmallIntegerField(_("round"), default=0)
    debit = models.BigIntegerField(_("from account"))
    credit = models.BigIntegerField(_("to account"))
    amount = models.BigIntegerField(_("amount"))
    at = models.DateTimeField(_("when"))
    by_id = models.BigIntegerField(_("by"), null=True, blank=True)
    note = models.CharField(_("reason"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ["-pk"]
        indexes = [
            # statements and the audit: somebody's own transfers, newest first
            models.Index(
                fields=["debit", "-id"],
                name="transfer_from",
                condition=Q(Exact(F("debit").bitand(HOUSE), 0)),
            ),
            models.Index(
                fields=["credit", "-id"],
                name="transfer_to",
                condition=Q(Exact(F("credit").bitand(HOUSE), 0)),
            ),
            # reporting.counting: those of a month; rows are written in the order of time
            BrinIndex(fields=["at"], name="transfer_time", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "nth"], name="transfer_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) & ~Q(debit=F("credit")), name="transfer_moves"
            ),
            models.CheckConstraint(
                condition=Q(Exact(F("debit").bitand(IN_CREDITS), F("credit").bitand(IN_CREDITS))),
                name="transfer_in_one_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}/{self.nth}"
