"""The ways to pay that a cashier offers: each with what it does, its button's words, what is missing for it.

`ways_to_pay(user_id, amount)` is for orders; `providers_only=True` for what a balance cannot pay. What was
chosen is `chosen_way(request)`; `to_provider(…)` opens an attempt and sends the browser there.
"""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from shigu.kit.money import Fen
from shigu.payments.errors import NoSuchWay
from shigu.payments.opening import Way, open_attempt
from shigu.payments.paying import balance_of
from shigu.payments.provider import providers
from shigu.web.callbacks import addresses
from shigu.web.devices import channel_of
from shigu.web.templatetags.look import yuan

WHAT = {"alipay": gettext_lazy("You go to Alipay's cashier and come back here")}
ACTS = {
    "alipay": gettext_lazy("Pay ¥%(amount)s with Alipay"),
    "balance": gettext_lazy("Pay ¥%(amount)s from your balance"),
}


class WayToPay(NamedTuple):
    """One of them; with something `missing` (in fen) it is shown and cannot be chosen."""

    code: str
    name: str | Promise
    what: str | Promise
    act: str
    missing: Fen = 0


def ways_to_pay(user_id: int, amount: Fen, *, providers_only: bool = False) -> list[WayToPay]:
    """What can pay `amount` fen of this buyer, in the order shown."""
    found = []
    for code, provider in providers:
        if code not in ACTS or (providers_only and not provider.has_cashier):
            continue
        act = str(ACTS[code]) % {"amount": yuan(amount)}
        what, missing = (WHAT[code], 0) if provider.has_cashier else _there(user_id, amount)
        found.append(WayToPay(code, provider.name, what, act, missing))
    return found


def chosen_way(request: HttpRequest) -> Way:
    """What the cashier's form names, for the browser it was sent from; unknown names are refused later."""
    return Way(request.POST.get("way", "alipay"), channel_of(request))


def to_provider(purpose: str, subject: int, way: Way, *, user_id: int) -> HttpResponseRedirect:
    """Off to the provider's cashier with this subject; NoSuchWay for a name that nobody goes by."""
    if way.provider not in providers:
        raise NoSuchWay
    there = addresses(way.provider)
    opened = open_attempt(purpose, subject, user_id=user_id, way=way, addresses=there)
    return HttpResponseRedirect(opened.redirect.url)


def _there(user_id: int, amount: Fen) -> tuple[str, Fen]:
    """What the balance holds, and what is missing for this."""
    there = balance_of(user_id)
    if there >= amount:
        text = _("¥%(there)s there, ¥%(left)s left afterwards; paid at once")
        return text % {"there": yuan(there), "left": yuan(there - amount)}, 0
    text = _("¥%(there)s there: ¥%(missing)s short of this")
    return text % {"there": yuan(there), "missing": yuan(amount - there)}, amount - there
