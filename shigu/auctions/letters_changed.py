"""What bidders read when the house changes something: an end, a lot or session, what somebody won.

A bid that moves an end by the rules of the sale is no such change: whoever lost the lead hears of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from shigu import clock
from shigu.auctions.letters import AwardNews, LotNews, News
from shigu.auctions.models import OPEN_STATES, Award, Bidding, Lot, Moved, Session
from shigu.notices.letters import Event, Letter, Tone
from shigu.notices.models import Notice
from shigu.orders.letters import said


class MovedEnd(LotNews):
    """About one move of an end."""

    word = gettext_lazy("The end of a lot you bid on or paid a deposit for is moved")
    place = 30

    def subject(self, notice: Notice) -> int:
        return int(notice.facts["lot"])

    def still(self, notice: Notice) -> bool:
        """Who leads wants to know, too; of a later move there is a notice of its own."""
        rows = Bidding.objects.filter(pk=self.subject(notice), state__in=OPEN_STATES)
        ends = rows.values_list("closes_at", flat=True).first()
        return ends is not None and clock.now() < ends

    def write(self, notice: Notice, row: Lot) -> Letter:
        until = said(datetime.fromisoformat(notice.facts["closes_at"]))
        note = (
            _("For a time nobody could bid.")
            if notice.facts["why"] == Moved.OUTAGE
            else _("The house gives it more time.")
        )
        return Letter(
            _("“%(name)s” ends later") % {"name": row.name},
            _("Bidding ends at %(until)s now.") % {"until": until},
            reverse("lot", args=[row.session.slug, row.number]),
            _("To the lot"),
            Tone.SOON,
            note,
        )


class WithdrawnLot(LotNews):
    word = gettext_lazy("A lot you bid on or paid a deposit for is withdrawn")
    place = 31

    def still(self, notice: Notice) -> bool:
        return True

    def write(self, notice: Notice, row: Lot) -> Letter:
        return Letter(
            _("“%(name)s” was withdrawn") % {"name": row.name},
            _("Bids on it count no more. The reason: %(why)s") % {"why": row.withdrawn_why},
            reverse("lot", args=[row.session.slug, row.number]),
            _("To the lot"),
            note=_("A deposit for it alone comes back by itself."),
        )


class WithdrawnSession(News):
    word = gettext_lazy("A session you bid in or paid a deposit for is withdrawn")
    place = 32

    def subjects(self, ids: set[int]) -> Mapping[int, Any]:
        return Session.objects.in_bulk(ids)

    def write(self, notice: Notice, row: Session) -> Letter:
        text = _("Bids on its lots that were not over count no more. The reason: %(why)s")
        return Letter(
            _("“%(name)s” was withdrawn") % {"name": row.name},
            text % {"why": row.withdrawn_why},
            reverse("session", args=[row.slug]),
            _("To the session"),
            note=_("Deposits that wait for nothing more come back by themselves."),
        )


class TakenBack(AwardNews):
    word = gettext_lazy("The shop takes back what you won")
    place = 33

    def write(self, notice: Notice, row: Award) -> Letter:
        note = "" if row.deposit is None else _("Your deposit for it is not forfeited.")
        return Letter(
            _("The shop took “%(name)s” back") % {"name": row.lot.name},
            _("It is not to be paid any more. You owe nothing for it."),
            reverse("order", args=[row.order.number]),
            _("To the order"),
            note=note,
        )


EVENTS: dict[str, Event] = {
    "lot.moved": MovedEnd(),
    "lot.withdrawn": WithdrawnLot(),
    "session.withdrawn": WithdrawnSession(),
    "lot.taken-back": TakenBack(),
}
