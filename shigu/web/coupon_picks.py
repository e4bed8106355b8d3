"""Every coupon a buyer holds, judged for what is about to be ordered: `picks_for(basket, now)`.

Usable ones come first, what saves most on top; each of the others says why not. Three queries at most, however
many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from shigu.kit.money import Fen
from shigu.orders import pricing, quoting
from shigu.orders.pricing import Voucher
from shigu.promotions import coupon_words
from shigu.promotions.lists import tab_of
from shigu.promotions.models import Coupon, Grant
from shigu.web import spoken
from shigu.web.baskets import Basket
from shigu.web.tickets import order_numbers

MOST = 200
"""So many are shown; nobody holds more, and nobody would read them."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One coupon: what it saves here, or why it cannot be used; `order` is the number that holds it."""

    grant: Grant
    voucher: Voucher
    saves: Fen = 0
    reason: str = ""
    order: str = ""

    @property
    def coupon(self) -> Coupon:
        return self.grant.coupon

    @property
    def is_usable(self) -> bool:
        return not self.reason

    @property
    def takes_off(self) -> str:
        """What it takes off, in words."""
        off = coupon_words.off(self.coupon)
        if self.coupon.amount or self.coupon.on_all_lines:
            return off
        return _("%(rate)s the dearest item") % {"rate": off}


def picks_for(basket: Basket, now: datetime) -> list[Pick]:
    """All coupons of the basket's buyer: usable ones best first, then the others, soonest to lapse first."""
    held = Grant.objects.filter(tab_of("unused", now), user_id=basket.user_id)
    grants = list(held.select_related("coupon").order_by("valid_until", "pk")[:MOST])
    vouchers = quoting.vouchers(grants)
    numbers = order_numbers(grants)
    picks = [_pick(basket, row, vouchers[row.pk], numbers, now) for row in grants]
    return sorted(picks, key=lambda pick: (not pick.is_usable, -pick.saves))


def _pick(
    basket: Basket, grant: Grant, voucher: Voucher, numbers: dict[int, str], now: datetime
) -> Pick:
    if grant.order_id:
        number = numbers.get(grant.order_id, "")
        reason = _("Your unpaid order %(number)s holds it.") % {"number": number}
        return Pick(grant, voucher, reason=reason, order=number)
    if not grant.is_usable(now):
        when = spoken.at(grant.valid_from, now)
        reason = spoken.close_up(_("Valid from %(when)s on.") % {"when": when})
        return Pick(grant, voucher, reason=reason)
    verdict = pricing.judge(basket.quote.lines, voucher, grant.pk)
    reason = verdict.reason.message if verdict.reason else ""
    return Pick(grant, voucher, verdict.saves, reason)
