"""The sentence that is the product: what an order that ended gave back, and when. `told_back(order, …)`.

Pieces, the coupon (or that it lapsed while it was held), the credits; what its refund took back again. Whether
the coupon came back follows from its end and the order's: nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import reduce

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.kit.money import Fen, yuan
from shigu.orders import credits
from shigu.orders.funds import Funds
from shigu.orders.models import Order, Origin, Status
from shigu.payments.models import Why
from shigu.promotions.models import Grant
from shigu.web import spoken


def told_back(order: Order, pieces: int, funds: Funds, now: datetime) -> str:
    """One paragraph; empty while an order waits, and for one that is paid and stays so."""
    if order.ended_at and order.status in (Status.EXPIRED, Status.CANCELLED):
        closed = _lost(order, now) if order.origin == Origin.LOT else ""
        closed = closed or _closed(pieces, order.ended_at, now)
        said = [closed, *_wallet(order, order.ended_at, now)]
        return _together([*said, *_charged(funds)])
    if order.ended_at and order.status == Status.REFUNDED:
        return _together([*_wallet(order, order.ended_at, now), *_earned(order, funds)])
    return _together([*_earned(order, funds), *_to_come(order)]) if order.refunding_at else ""


def _together(sentences: list[str]) -> str:
    """Sentences stand beside each other with a gap, or as the language has it."""
    return reduce(_beside, sentences) if sentences else ""


def _beside(said: str, more: str) -> str:
    return _("%(said)s %(more)s") % {"said": said, "more": more}


def _closed(pieces: int, ended_at: datetime, now: datetime) -> str:
    when = spoken.at(ended_at, now)
    if not pieces:
        return spoken.close_up(_("Closed %(when)s.") % {"when": when})
    text = ngettext(
        "%(count)d piece went back on the shelf %(when)s.",
        "%(count)d pieces went back on the shelf %(when)s.",
        pieces,
    )
    return spoken.close_up(text % {"count": pieces, "when": when})


def _lost(order: Order, now: datetime) -> str:
    """A lot that was not paid; one that was taken back or declined is just closed."""
    if order.status != Status.EXPIRED or order.ended_at is None:
        return ""
    text = _("Not paid in time: since %(when)s the lot is not yours any more.")
    return spoken.close_up(text % {"when": spoken.at(order.ended_at, now)})


def _wallet(order: Order, ended_at: datetime, now: datetime) -> Iterator[str]:
    """The coupon and the credits that an order held or had used."""
    if order.grant:
        yield _coupon(order.grant, ended_at, now)
    if order.credits:
        text = ngettext(
            "%(count)d credit is yours again.", "%(count)d credits are yours again.", order.credits
        )
        yield text % {"count": order.credits}


def _coupon(grant: Grant, ended_at: datetime, now: datetime) -> str:
    name = grant.coupon.name
    if grant.valid_until > ended_at:
        text = _("Your coupon “%(name)s” is yours again, valid until %(until)s.")
        until = spoken.day(grant.valid_until, now)
        return spoken.close_up(text % {"name": name, "until": until})
    text = _("Your coupon “%(name)s” did not come back: it lapsed %(when)s.")
    return spoken.close_up(text % {"name": name, "when": spoken.at(grant.valid_until, now)})


def _charged(funds: Funds) -> Iterator[str]:
    if funds.refunds:
        return
    if funds.is_asking:
        yield _("Should a payment still arrive, it goes back to you by itself.")
    else:
        yield _("Nothing was charged.")


def _earned(order: Order, funds: Funds) -> Iterator[str]:
    """Credits that a refunded order had earned: taken back, or withheld from the money where they are spent."""
    withheld = _withheld(order, funds)
    taken = order.earned - withheld // credits.worth(1)
    if taken > 0:
        text = ngettext(
            "%(count)d credit that it had earned was taken back.",
            "%(count)d credits that it had earned were taken back.",
            taken,
        )
        yield text % {"count": taken}
    if withheld:
        yield _("¥%(amount)s stand for credits that it had earned and that are spent already.") % {
            "amount": yuan(withheld)
        }


def _withheld(order: Order, funds: Funds) -> Fen:
    """What its refund sends less than was paid."""
    if not order.payable:
        return 0
    sent = sum(refund.amount for refund in funds.refunds if refund.why == Why.REFUND)
    return order.payable - sent


def _to_come(order: Order) -> Iterator[str]:
    """What comes back when the money has been sent."""
    if order.grant and order.credits:
        yield _("Your coupon and your credits come back together with the money.")
    elif order.grant:
        yield _("Your coupon comes back together with the money.")
    elif order.credits:
        yield _("Your credits come back together with the money.")
