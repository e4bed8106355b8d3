"""What bidders read about lots, what they won, and their deposits: a letter for each event.

Written from rows that do not change any more and from the notice's own facts, as in `orders.letters`; where
a price or an end goes on moving, a letter says what it was when the notice was written. What is to pay is
the order's own, with the coupon that was chosen meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from shigu import clock
from shigu.auctions.models import OPEN_STATES, Award, AwardState, Bidding, Deposit, Lot, Session
from shigu.kit.money import grouped
from shigu.notices.letters import Event, Letter, Row, Tone
from shigu.notices.models import Notice
from shigu.orders.letters import said

Words = str | Promise


class News(ABC):
    """What the kinds have in common: `subjects` reads their rows at once, `write` says what is special."""

    word: Words = ""
    place = 0

    def letters(self, notices: Sequence[Notice]) -> Mapping[int, Letter]:
        """A fixed number of queries for all of them."""
        rows = self.subjects({self.subject(notice) for notice in notices})
        return {
            notice.pk: self.write(notice, rows[pk])
            for notice in notices
            if (pk := self.subject(notice)) in rows
        }

    def subject(self, notice: Notice) -> int:
        return notice.subject

    @abstractmethod
    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        """The rows that notices are about, by their ids; one query."""

    def still(self, notice: Notice) -> bool:
        return True

    @abstractmethod
    def write(self, notice: Notice, row: Any) -> Letter:
        """The letter of one notice."""


class LotNews(News):
    """About a lot that is open."""

    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        return Lot.objects.select_related("session").in_bulk(ids)

    def still(self, notice: Notice) -> bool:
        """Can it be bid on, and does the reader not lead it?"""
        rows = Bidding.objects.filter(pk=notice.subject, state__in=OPEN_STATES)
        open_still = rows.filter(closes_at__gt=clock.now())
        return open_still.filter(Q(leader_id=None) | ~Q(leader_id=notice.user_id)).exists()


class Outbid(LotNews):
    word = gettext_lazy("Somebody bids more than you")
    place = 21

    def write(self, notice: Notice, row: Lot) -> Letter:
        text = _(
            "It stands at ¥%(price)s now. Bidding ends at %(until)s, unless a late bid moves it."
        )
        return Letter(
            _("You were outbid on “%(name)s”") % {"name": row.name},
            text % {"price": grouped(notice.facts["price"]), "until": _ends(notice)},
            _page(row),
            _("Bid again"),
            Tone.SOON,
        )


class Ending(LotNews):
    word = gettext_lazy("A lot you bid on or paid a deposit for ends soon")
    place = 22

    def still(self, notice: Notice) -> bool:
        """Who leads wants to be there, too."""
        rows = Bidding.objects.filter(pk=notice.subject, state__in=OPEN_STATES)
        return rows.filter(closes_at__gt=clock.now()).exists()

    def write(self, notice: Notice, row: Lot) -> Letter:
        price, fill = notice.facts["price"], {"until": _ends(notice)}
        text = _("Bidding ends at %(until)s, unless a late bid moves it.") % fill
        note = (
            _("Nobody has bid yet.")
            if price is None
            else _("It stands at ¥%(price)s.") % {"price": grouped(price)}
        )
        title = _("“%(name)s” ends soon") % {"name": row.name}
        return Letter(title, text, _page(row), _("To the lot"), Tone.SOON, note)


class SessionEnding(News):
    word = gettext_lazy("The first lots of a session you paid a deposit for end soon")
    place = 23

    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        return Session.objects.in_bulk(ids)

    def still(self, notice: Notice) -> bool:
        return datetime.fromisoformat(notice.facts["closes_at"]) > clock.now()

    def write(self, notice: Notice, row: Session) -> Letter:
        return Letter(
            _("The first lots of “%(name)s” end soon") % {"name": row.name},
            _("Bidding on the first of them ends at %(until)s.") % {"until": _ends(notice)},
            reverse("session", args=[row.slug]),
            _("To the session"),
            Tone.SOON,
        )


class AwardNews(News):
    """About something won or offered."""

    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        return Award.objects.select_related("lot__session", "order", "deposit").in_bulk(ids)

    def waits(self, notice: Notice) -> bool:
        """Can it still be paid?"""
        rows = Award.objects.filter(pk=notice.subject, state=AwardState.PENDING)
        return rows.filter(pay_by__gt=clock.now()).exists()


class Won(AwardNews):
    word = gettext_lazy("You won a lot")
    place = 24

    def write(self, notice: Notice, row: Award) -> Letter:
        fill = {"until": said(row.pay_by), "price": grouped(row.price)}
        text = _("The hammer fell at ¥%(price)s. Say where to send it, and pay until %(until)s.")
        return Letter(
            _("You won “%(name)s”") % {"name": row.lot.name},
            text % fill,
            reverse("arrange", args=[row.order.number]),
            _("Address and payment"),
            Tone.GOOD,
            _of_deposit(row),
            (Row(row.lot.name, amount=row.price),),
            _to_pay(row),
        )


class Offered(AwardNews):
    word = gettext_lazy("A lot is offered to you")
    place = 25

    def still(self, notice: Notice) -> bool:
        return self.waits(notice)

    def write(self, notice: Notice, row: Award) -> Letter:
        fill = {"until": said(row.pay_by), "price": grouped(row.price)}
        text = _(
            "Its winner did not pay. It is yours for ¥%(price)s, as far as you went, until %(until)s."
        )
        return Letter(
            _("“%(name)s” is offered to you") % {"name": row.lot.name},
            text % fill,
            reverse("arrange", args=[row.order.number]),
            _("See the offer"),
            Tone.GOOD,
            _("You owe nothing: decline it, or let it lapse."),
            (Row(row.lot.name, amount=row.price),),
            _to_pay(row),
        )


class PayBy(AwardNews):
    word = gettext_lazy("The time to pay what you won is nearly over")
    place = 26

    def still(self, notice: Notice) -> bool:
        return self.waits(notice)

    def write(self, notice: Notice, row: Award) -> Letter:
        text = _("It is not paid yet. At %(until)s it is not yours any more.")
        return Letter(
            _("“%(name)s” waits for your payment") % {"name": row.lot.name},
            text % {"until": said(row.pay_by)},
            reverse("arrange", args=[row.order.number]),
            _("Address and payment"),
            Tone.SOON,
            _of_deposit(row),
            (Row(row.lot.name, amount=row.price),),
            _to_pay(row),
        )


class Lapsed(AwardNews):
    word = gettext_lazy("What you won was not paid in time")
    place = 27

    def write(self, notice: Notice, row: Award) -> Letter:
        text = _("It was not paid until %(until)s, and is not yours any more.")
        note = _("An offer binds nobody: nothing else follows.") if row.second_chance else ""
        return Letter(
            _("“%(name)s” was not paid in time") % {"name": row.lot.name},
            text % {"until": said(row.pay_by)},
            reverse("order", args=[row.order.number]),
            _("To the order"),
            note=note or _("For a time you may not bid."),
        )


class Forfeited(AwardNews):
    word = gettext_lazy("A deposit is forfeited")
    place = 28

    def write(self, notice: Notice, row: Award) -> Letter:
        fill = {"name": row.lot.name, "amount": grouped(notice.facts["amount"])}
        return Letter(
            _("¥%(amount)s of your deposit are forfeited") % fill,
            _("“%(name)s” was not paid in time; its deposit is what that costs.") % fill,
            _deposits_page(),
            _("To your deposits"),
        )


class Returned(News):
    """About one refund."""

    word = gettext_lazy("A deposit comes back")
    place = 29

    def subject(self, notice: Notice) -> int:
        return int(notice.facts["deposit"])

    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        return Deposit.objects.select_related("lot", "session").in_bulk(ids)

    def write(self, notice: Notice, row: Deposit) -> Letter:
        fill = {"name": (row.lot or row.session).name, "amount": grouped(notice.facts["amount"])}
        where = (
            _("It is in your balance.")
            if notice.facts["provider"] == "balance"
            else _("It went by the original route.")
        )
        return Letter(
            _("¥%(amount)s of your deposit came back to you") % fill,
            _("You had paid it for “%(name)s”.") % fill,
            _deposits_page(),
            _("To your deposits"),
            Tone.GOOD,
            where,
        )


EVENTS: dict[str, Event] = {
    "lot.outbid": Outbid(),
    "lot.ending": Ending(),
    "session.ending": SessionEnding(),
    "lot.won": Won(),
    "lot.offered": Offered(),
    "lot.pay-by": PayBy(),
    "lot.lapsed": Lapsed(),
    "deposit.forfeited": Forfeited(),
    "deposit.returned": Returned(),
}


def _ends(notice: Notice) -> str:
    return said(datetime.fromisoformat(notice.facts["closes_at"]))


def _page(lot: Lot) -> str:
    return reverse("lot", args=[lot.session.slug, lot.number])


def _deposits_page() -> str:
    return reverse("my_bids") + "?tab=deposits"


def _to_pay(award: Award) -> Row:
    return Row(_("To pay"), amount=award.order.payable)


def _of_deposit(award: Award) -> str:
    """What the deposit has to do with it."""
    if award.deposit is None:
        return ""
    if award.counted:
        counted = {"amount": grouped(award.counted)}
        return _("¥%(amount)s of your deposit count toward it.") % counted
    if award.deposit.lot_id is None:
        return _(
            "Not paid in time, this lot's share of your deposit is forfeited. The rest comes back when"
            " the session is over and all that you won is decided."
        )
    return _("Paid, your deposit goes back to you; not paid in time, it is forfeited.")
