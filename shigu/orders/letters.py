"""What buyers read about their orders: a letter for each event, in the inbox and by mail.

Everything said follows from rows that do not change any more (lines, coupon, credits of the order) and from
the notice's own facts and time; so an old notice says tomorrow what it said today.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from shigu import clock
from shigu.catalogue.models import Kind
from shigu.kit.money import yuan
from shigu.notices.letters import Event, Letter, Row, Tone
from shigu.notices.models import Notice
from shigu.orders.funds import Funds, funds_of
from shigu.orders.models import Order, OrderLine, Status
from shigu.payments.models import Why

Words = str | Promise


@dataclass(frozen=True)
class About:
    """One notice with its order and the order's money."""

    notice: Notice
    order: Order
    funds: Funds

    @property
    def number(self) -> dict[str, str]:
        return {"number": self.order.number}

    @property
    def pay_by(self) -> datetime:
        """The promise of the round it was written in."""
        return datetime.fromisoformat(self.notice.facts["pay_by"])

    @property
    def lines(self) -> list[OrderLine]:
        return list(self.order.lines.all())

    @property
    def goods(self) -> list[OrderLine]:
        """What is sent: everything but courses."""
        return [line for line in self.lines if line.kind != Kind.COURSE]


class OrderNews(ABC):
    """What the kinds have in common; `write` says what is special."""

    word: Words = ""
    place = 0

    def letters(self, notices: Sequence[Notice]) -> Mapping[int, Letter]:
        """Four queries for all of them."""
        ids = {self.order_id(notice) for notice in notices}
        rows = Order.objects.filter(pk__in=ids).select_related("grant__coupon", "shipment")
        orders, funds = rows.prefetch_related("lines").in_bulk(), funds_of(ids)
        return {
            notice.pk: self.write(About(notice, orders[pk], funds[pk]))
            for notice in notices
            if (pk := self.order_id(notice)) in orders
        }

    def order_id(self, notice: Notice) -> int:
        return notice.subject

    def still(self, notice: Notice) -> bool:
        return True

    @abstractmethod
    def write(self, about: About) -> Letter:
        """The letter of one notice."""


class Placed(OrderNews):
    word = gettext_lazy("An order is placed")
    place = 1

    def still(self, notice: Notice) -> bool:
        return _waits(notice)

    def write(self, about: About) -> Letter:
        fill = {"amount": yuan(about.order.payable), "until": said(about.pay_by)}
        text = (
            _(
                "Everything in it is held for you until %(until)s. Until then ¥%(amount)s can be paid."
            )
            if about.order.payable
            else _("There is nothing to pay for it.")
        )
        title = _("Your order %(number)s is placed") % about.number
        return _letter(about, title, text % fill, act=_("To the order"))


class Closing(OrderNews):
    word = gettext_lazy("An order is about to lapse")
    place = 2

    def still(self, notice: Notice) -> bool:
        return _waits(notice)

    def write(self, about: About) -> Letter:
        fill = {"amount": yuan(about.order.payable), "until": said(about.pay_by)}
        text = _("It is not paid yet. At %(until)s all that it holds for you goes back.")
        return _letter(
            about,
            _("Your order %(number)s is about to lapse") % about.number,
            text % fill,
            act=_("Pay ¥%(amount)s") % fill,
            tone=Tone.SOON,
        )


class Paid(OrderNews):
    word = gettext_lazy("An order is paid")
    place = 3

    def write(self, about: About) -> Letter:
        title = _("Your order %(number)s is paid") % about.number
        return _letter(about, title, _together(_paid(about)), act=_("To the order"), tone=Tone.GOOD)


class Lapsed(OrderNews):
    word = gettext_lazy("An order has lapsed")
    place = 4

    def still(self, notice: Notice) -> bool:
        rows = Order.objects.filter(pk=notice.subject, status=Status.EXPIRED, round=notice.round)
        return rows.exists()

    def write(self, about: About) -> Letter:
        text = _("It was not paid until %(until)s, and has been closed.")
        return _letter(
            about,
            _("Your order %(number)s has lapsed") % about.number,
            text % {"until": said(about.pay_by)},
            act=_("See or restore it"),
            note=_together(_came_back(about)),
        )


class Shipped(OrderNews):
    word = gettext_lazy("An order is shipped")
    place = 5

    def write(self, about: About) -> Letter:
        shipment = about.order.shipment
        text = _("%(carrier)s has it, tracking number %(tracking)s.")
        fill = {"carrier": shipment.carrier, "tracking": shipment.tracking_no}
        title = _("Your order %(number)s is on its way") % about.number
        return _letter(about, title, text % fill, act=_("To the order"), tone=Tone.GOOD)


class Refunded(OrderNews):
    word = gettext_lazy("An order is refunded")
    place = 6

    def write(self, about: About) -> Letter:
        sent = sum(refund.amount for refund in about.funds.refunds if refund.why == Why.REFUND)
        text = (
            _("¥%(amount)s went back by the original route.") % {"amount": yuan(sent)}
            if sent
            else _("There was no money to send back.")
        )
        return _letter(
            about,
            _("Your order %(number)s is refunded") % about.number,
            text,
            act=_("To the order"),
            note=_together(_wallet(about)),
        )


RETURNED = {
    Why.LATE: gettext_lazy("It came after order %(number)s had lapsed."),
    Why.CANCELLED: gettext_lazy("It came for order %(number)s, which was cancelled."),
    Why.SURPLUS: gettext_lazy("Order %(number)s did not need it: it was paid already."),
}


class Returned(OrderNews):
    """About one refund of money that came in vain."""

    word = gettext_lazy("Money is sent back")
    place = 7

    def order_id(self, notice: Notice) -> int:
        return int(notice.facts["order"])

    def write(self, about: About) -> Letter:
        facts = about.notice.facts
        to_balance = facts["provider"] == "balance"
        where = _("It is in your balance.") if to_balance else _("It went by the original route.")
        amount = {"amount": yuan(facts["amount"])}
        why = str(RETURNED[Why(facts["why"])]) % about.number
        title = _("¥%(amount)s came back to you") % amount
        return _letter(about, title, why, act=_("To the order"), note=where, rows=False)


EVENTS: dict[str, Event] = {
    "order.placed": Placed(),
    "order.closing": Closing(),
    "order.paid": Paid(),
    "order.lapsed": Lapsed(),
    "order.shipped": Shipped(),
    "order.refunded": Refunded(),
    "order.returned": Returned(),
}


def said(moment: datetime) -> str:
    """Date and clock time in the shop's zone, exact enough for a letter that is read some day."""
    return date_format(timezone.localtime(moment), pgettext("time in a letter", "j M Y, H:i"))


def _letter(
    about: About,
    title: str,
    text: str,
    *,
    act: str,
    tone: Tone = Tone.PLAIN,
    note: str = "",
    rows: bool = True,
) -> Letter:
    order = about.order
    page = reverse("orders") if order.hidden else reverse("order", args=[order.number])
    lines = tuple(_row(line) for line in about.lines) if rows else ()
    total = Row(_("To pay") if tone == Tone.SOON else _("Total"), amount=order.payable)
    return Letter(title, text, page, act, tone, note, lines, total if rows else None)


def _row(line: OrderLine) -> Row:
    more = f"{line.label} × {line.quantity}".strip() if line.kind == Kind.GOODS else line.label
    return Row(line.name, more, line.payable)


def _waits(notice: Notice) -> bool:
    """Is the order still unpaid in the round it was written in, and within its time?"""
    rows = Order.objects.filter(pk=notice.subject, status=Status.UNPAID, round=notice.round)
    return rows.filter(pay_by__gt=clock.now()).exists()


def _paid(about: About) -> Iterator[str]:
    order = about.order
    if order.payable:
        yield _("We have your ¥%(amount)s.") % {"amount": yuan(order.payable)}
    else:
        yield _("It cost nothing.")
    if order.earned:
        text = ngettext(
            "It earned you %(count)d credit.", "It earned you %(count)d credits.", order.earned
        )
        yield text % {"count": order.earned}
    if about.goods:
        yield _("You hear from us when it is on its way.")
    if len(about.goods) < len(about.lines):
        yield _("Your courses are open.")


def _came_back(about: About) -> Iterator[str]:
    pieces = sum(line.quantity for line in about.goods)
    if pieces:
        text = ngettext(
            "%(count)d piece went back on the shelf.",
            "%(count)d pieces went back on the shelf.",
            pieces,
        )
        yield text % {"count": pieces}
    yield from _wallet(about)
    yield from _money(about)


def _wallet(about: About) -> Iterator[str]:
    """The coupon and the credits that it held or had used; the notice was written when they came back."""
    order = about.order
    if order.grant:
        fill = {"name": order.grant.coupon.name, "until": said(order.grant.valid_until)}
        back = order.grant.valid_until > about.notice.at
        yield (
            _("Your coupon “%(name)s” is yours again, valid until %(until)s.")
            if back
            else _("Your coupon “%(name)s” did not come back: it lapsed on %(until)s.")
        ) % fill
    if order.credits:
        text = ngettext(
            "%(count)d credit is yours again.", "%(count)d credits are yours again.", order.credits
        )
        yield text % {"count": order.credits}


def _money(about: About) -> Iterator[str]:
    """Nobody went to a cashier: nothing was charged. Else whatever may have been paid finds its way."""
    if any(attempt.opened_at <= about.notice.at for attempt in about.funds.attempts):
        yield _(
            "Should you have paid, the order comes back to life or the money goes back to you, by itself."
        )
    else:
        yield _("Nothing was charged.")


def _together(sentences: Iterator[str]) -> str:
    """Sentences stand beside each other with a gap, or as the language has it."""
    found = list(sentences)
    return reduce(_beside, found) if found else ""


def _beside(said: str, more: str) -> str:
    return _("%(said)s %(more)s") % {"said": said, "more": more}
