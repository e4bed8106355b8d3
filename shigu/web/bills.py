"""What the confirm page comes to: the basket's price with one coupon and some credits. `bill_of(…)`.

What cannot be had is left out of the figures and said: `Bill.dropped` is a coupon that was chosen and does
not fit, `Bill.short` is set where fewer credits are used than were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shigu.kit.money import Fen
from shigu.orders import credits
from shigu.orders.pricing import Quote
from shigu.web.baskets import Basket
from shigu.web.coupon_picks import Pick, picks_for
from shigu.web.savings import Off, of_wallet, taken_off

BEST = "best"
"""Nobody chose yet: the coupon that saves most."""


@dataclass(frozen=True, slots=True)
class Bill:
    """The figures with what they stand on; `owned` are the buyer's credits, `most` those that fit."""

    quote: Quote
    picks: tuple[Pick, ...]
    pick: Pick | None
    dropped: Pick | None
    owned: int
    most: int
    asked: int

    @property
    def usable(self) -> list[Pick]:
        return [pick for pick in self.picks if pick.is_usable]

    @property
    def unusable(self) -> list[Pick]:
        return [pick for pick in self.picks if not pick.is_usable]

    @property
    def coupon(self) -> str:
        """What the form sends for the coupon: its grant's id, or nothing."""
        return str(self.pick.grant.pk) if self.pick else ""

    @property
    def activities(self) -> list[Off]:
        """Each activity with what it takes off."""
        return taken_off(self.quote)

    @property
    def offs(self) -> list[Off]:
        """All that comes off, by name: activities, the coupon, the credits."""
        quote, coupon = self.quote, self.pick.coupon if self.pick else None
        wallet = of_wallet(coupon, quote.coupon_off, quote.credits, quote.credits_off)
        return self.activities + wallet

    @property
    def short(self) -> bool:
        """Are fewer credits used than were asked for?"""
        return self.asked > self.quote.credits

    @property
    def most_off(self) -> Fen:
        """What the credits that fit are worth."""
        return credits.worth(self.most)

    @property
    def earns(self) -> int:
        """Credits that paying it earns."""
        return credits.earned_by(self.quote.payable)


def bill_of(basket: Basket, now: datetime, *, coupon: str = BEST, asked: int = 0) -> Bill:
    """The bill with the coupon chosen (a grant's id, nothing, or BEST) and at most `asked` credits."""
    picks = picks_for(basket, now)
    usable = [pick for pick in picks if pick.is_usable]
    if coupon == BEST:
        chosen = usable[0] if usable else None
    else:
        chosen = next((pick for pick in picks if str(pick.grant.pk) == coupon), None)
    pick = chosen if chosen and chosen.is_usable else None
    lines = [row.wanted for row in basket.ordered]
    voucher = pick.voucher if pick else None
    owned = credits.of(basket.user_id)
    quote = basket.terms.quote(basket.user_id, lines, coupon=voucher, credits=min(asked, owned))
    return Bill(
        quote=quote,
        picks=tuple(picks),
        pick=pick,
        dropped=chosen if chosen and not pick else None,
        owned=owned,
        most=min(owned, quote.most_credits),
        asked=asked,
    )
