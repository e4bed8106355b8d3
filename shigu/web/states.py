"""States as a buyer reads them: a word, and the tone it is said in.

`state("unpaid")` gives `State(word, tone)`; tones are `run` (act now), `good` (yours), `soon` (look
here), `live` (happening) and the empty tone. One list for orders, refunds, shipping, lots, coupons.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(NamedTuple):
    """A word in the reader's language and the chip's tone."""

    word: str | Promise
    tone: str


STATES: dict[str, State] = {
    "unpaid": State(_("Unpaid"), "run"),
    "paid": State(_("Paid"), "good"),
    "cancelled": State(_("Cancelled"), ""),
    "expired": State(pgettext_lazy("order", "Expired"), ""),
    "refunded": State(_("Refunded"), ""),
    "overdue": State(_("Overdue"), "soon"),
    "refunding": State(_("Refund under way"), "soon"),
    "refused": State(_("Refused"), "soon"),
    "to_ship": State(_("To be shipped"), "soon"),
    "shipped": State(_("On its way"), "good"),
    "received": State(_("Received"), "good"),
    "live": State(_("Live"), "run live"),
    "coming": State(_("Coming"), "soon"),
    "ended": State(_("Ended"), ""),
    "won": State(_("You won"), "good"),
    "leading": State(_("You lead"), "good"),
    "outbid": State(_("You were outbid"), "run"),
    "passed_in": State(_("Passed in"), ""),
    "preview": State(_("Preview"), "soon"),
    "soon": State(_("Opens soon"), "soon"),
    "confirming": State(_("Being confirmed"), "soon"),
    "sold": State(pgettext_lazy("lot", "Sold"), "good"),
    "lot_overdue": State(_("Not paid by its winner"), ""),
    "withdrawn": State(pgettext_lazy("lot", "Withdrawn"), ""),
    "offered": State(_("Offered to you"), "run"),
    "not_won": State(_("Somebody else got it"), ""),
    "deposit_held": State(_("Held for you"), "good"),
    "asking": State(_("Asking Alipay"), "soon"),
    "returning": State(pgettext_lazy("deposit", "On its way back"), "soon"),
    "returned": State(pgettext_lazy("deposit", "Came back"), "good"),
    "forfeited": State(_("Forfeited"), ""),
    "partly": State(_("Forfeited in part"), ""),
    "counted": State(_("Counted toward the price"), "good"),
    "unused": State(_("Unused"), "good"),
    "held": State(_("Held by an order"), "soon"),
    "used": State(_("Used"), ""),
    "lapsed": State(_("Lapsed"), ""),
    "revoked": State(_("Revoked"), ""),
    "owned": State(_("Yours"), "good"),
    "stale": State(_("No longer on sale"), "soon"),
    "sold_out": State(_("Sold out"), ""),
    "done": State(_("Done"), "good"),
}


def state(code: str) -> State:
    """The state's word and tone; KeyError for a state nobody has worded."""
    return STATES[code]
