"""An order as a buyer reads it: its word, what may be done, what came back. `cards_of(orders, now)`.

One `Card` serves the list, the order's own page, the cashier and the result; a page of them costs
three queries beyond the orders themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from shigu.catalogue.models import Kind
from shigu.kit.money import yuan
from shigu.orders.funds import Funds, funds_of
from shigu.orders.hiding import ENDED
from shigu.orders.models import Order, OrderEvent, OrderLine, Origin, Status
from shigu.orders.standing import Standing, standings
from shigu.payments.models import RefundState
from shigu.promotions.models import Coupon
from shigu.web import spoken
from shigu.web.coming_back import told_back
from shigu.web.savings import Off, by_name, of_wallet

HAPPENED = {
    "placed": gettext_lazy("Order placed; everything in it was held for you"),
    "paid": gettext_lazy("Paid"),
    "revived": gettext_lazy(
        "Your payment arrived after the time was up; the order came back to life"
    ),
    "cancelled": gettext_lazy("Cancelled; everything held came back"),
    "time": gettext_lazy("The time to pay ran out; everything held came back"),
    "restored": gettext_lazy("Restored, with a fresh time to pay"),
    "shipped": gettext_lazy("Handed to the carrier"),
    "refunding": gettext_lazy("The shop decided to refund this order"),
    "refunded": gettext_lazy("Refunded by the original route"),
    "awarded": gettext_lazy("You won this lot"),
    "offered": gettext_lazy("Its winner did not pay, so it was offered to you"),
}
OF_A_LOT = {
    "time": gettext_lazy("Not paid in time: the lot is not yours any more"),
    "cancelled": gettext_lazy("Cancelled"),
}
TONES = {"paid": "good", "revived": "good", "restored": "run", "placed": "run", "refunded": "good"}
TONES |= {"awarded": "good", "offered": "run"}


class Line(NamedTuple):
    """One line with what the fragment shows."""

    row: OrderLine
    meta: str
    list_price: int


class Happened(NamedTuple):
    """One row of the history."""

    at: datetime
    text: str
    tone: str


@dataclass(frozen=True)
class Card:
    """An order with its standing and its money, at one moment."""

    order: Order
    standing: Standing
    funds: Funds
    now: datetime

    @property
    def chip(self) -> str:
        """The state's code for `state_chip`."""
        return self.standing.word.removesuffix("_returning").removesuffix("_returned")

    @property
    def is_payable(self) -> bool:
        return self.order.is_payable(self.now)

    @property
    def is_closing(self) -> bool:
        """Its time is over, and the clock (or the provider) has the last word."""
        return self.order.status == Status.UNPAID and not self.is_payable

    @property
    def is_paid(self) -> bool:
        return self.order.status == Status.PAID and not self.order.refunding_at

    @property
    def is_of_a_lot(self) -> bool:
        """Was it won at auction?"""
        return self.order.origin == Origin.LOT

    @property
    def may_cancel(self) -> bool:
        """Winning binds; an offer may be declined."""
        offered = any(event.why == "offered" for event in self.order.events.all())
        return self.is_payable and (offered or not self.is_of_a_lot)

    @property
    def may_restore(self) -> bool:
        return self.order.status == Status.EXPIRED and not self.is_of_a_lot

    @property
    def may_delete(self) -> bool:
        return self.order.status in ENDED

    @property
    def has_acts(self) -> bool:
        """Is there anything to press, or to wait for?"""
        waits = self.order.status == Status.UNPAID
        return waits or self.may_delete or (self.is_paid and bool(self.courses))

    @cached_property
    def lines(self) -> list[Line]:
        return [_line(row) for row in self.order.lines.all()]

    @property
    def courses(self) -> list[OrderLine]:
        return [line.row for line in self.lines if line.row.kind == Kind.COURSE]

    @property
    def goods(self) -> list[OrderLine]:
        return [line.row for line in self.lines if line.row.kind == Kind.GOODS]

    @property
    def parcels(self) -> list[OrderLine]:
        """What is sent by a carrier."""
        return [line.row for line in self.lines if line.row.kind != Kind.COURSE]

    @property
    def discount(self) -> int:
        """What the buyer saves, in fen."""
        return self.order.list_total - self.order.payable

    @property
    def offs(self) -> list[Off]:
        """What came off, by name: each activity's, the coupon's, the credits'."""
        lines = by_name(
            Off(line.row.activity or _("Discounts"), line.list_price - line.row.price)
            for line in self.lines
        )
        order = self.order
        wallet = of_wallet(self.coupon, order.coupon_off, order.credits, order.credits_off)
        return lines + wallet

    @property
    def coupon(self) -> Coupon | None:
        """The coupon it holds, used, or gave back."""
        return self.order.grant.coupon if self.order.grant else None

    @property
    def came_back(self) -> str:
        """What an ended order gave back, and when, in one paragraph; empty for every other order."""
        return told_back(
            self.order, sum(line.quantity for line in self.goods), self.funds, self.now
        )

    @property
    def money_back(self) -> list[str]:
        """One sentence for each amount on its way back or returned."""
        return [
            _returned(refund.state, yuan(refund.amount), refund.ended_at, self.now)
            for refund in self.funds.refunds
        ]

    @property
    def history(self) -> list[Happened]:
        """Newest last."""
        words = HAPPENED | OF_A_LOT if self.is_of_a_lot else HAPPENED
        return [_happened(event, words) for event in self.order.events.all()]


def cards_of(orders: Sequence[Order], now: datetime) -> list[Card]:
    """One card for each order, in the order given."""
    ids = [order.pk for order in orders]
    if not ids:
        return []
    words, funds = standings(ids), funds_of(ids)
    return [Card(order, _shown(order, words[order.pk]), funds[order.pk], now) for order in orders]


def _shown(order: Order, found: Standing) -> Standing:
    """The word of the order as it was read; news that came since is for the stream to tell."""
    # Settled between the two reads, a page that shows "unpaid" must go on watching.
    return found._replace(word="unpaid") if order.status == Status.UNPAID else found


def card_of(order: Order, now: datetime) -> Card:
    """The card of one order."""
    [card] = cards_of([order], now)
    return card


def _line(row: OrderLine) -> Line:
    return Line(row, meta_of(row), row.unit_price * row.quantity)


def meta_of(row: OrderLine) -> str:
    """Validity of a course (its renewal's, too), variant and quantity of goods, that a lot is one."""
    if row.kind == Kind.LOT:
        return _("Won at auction")
    if row.kind == Kind.GOODS:
        return f"{row.label} × {row.quantity}".strip()
    renewal = f"{_('Renewal')} · " if row.is_renewal else ""
    if not row.validity_days:
        return renewal + _("Valid for ever")
    days = ngettext("Valid for %(count)d day", "Valid for %(count)d days", row.validity_days)
    return renewal + days % {"count": row.validity_days}


def _returned(state: str, amount: str, ended_at: datetime | None, now: datetime) -> str:
    if state == RefundState.SENT and ended_at:
        text = _("¥%(amount)s went back by the original route %(when)s.")
        return spoken.close_up(text % {"amount": amount, "when": spoken.at(ended_at, now)})
    if state == RefundState.REFUSED:
        text = _("¥%(amount)s could not be sent back yet. We are looking into it; it stays yours.")
        return text % {"amount": amount}
    return _("¥%(amount)s is on its way back by the original route.") % {"amount": amount}


def _happened(event: OrderEvent, words: Mapping[str, str | Promise]) -> Happened:
    return Happened(event.at, str(words.get(event.why, event.why)), TONES.get(event.why, ""))
