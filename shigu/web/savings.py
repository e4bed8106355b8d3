"""What a buyer saves, by name, and what is missing to the next step of a 满减: figures for the eye.

`taken_off(quote)` is one `Off` for each activity of a quote, in the order of its lines, `of_wallet(…)` those
of a coupon and of credits; `next_steps(basket)` is what the cart says under its figures. Nothing here makes a
price: `orders.pricing` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from shigu.catalogue.activities import Running
from shigu.catalogue.models import ActivityKind
from shigu.kit.money import Fen
from shigu.orders.pricing import Priced, Quote
from shigu.promotions.models import Coupon
from shigu.web.baskets import Basket

MOST_STEPS = 2


class Off(NamedTuple):
    """So much less because of this."""

    name: str
    amount: Fen


class Step(NamedTuple):
    """`missing` fen more, and the activity takes off `saves` in all."""

    name: str
    missing: Fen
    saves: Fen


def taken_off(quote: Quote) -> list[Off]:
    """Each activity with what it takes off all of its lines together."""
    return by_name(Off(line.activity.name, _off(line)) for line in quote.lines if line.activity)


def of_wallet(coupon: Coupon | None, coupon_off: Fen, used: int, credits_off: Fen) -> list[Off]:
    """What a coupon and the credits used take off, each where there is one."""
    offs = []
    if coupon:
        offs.append(Off(_("Coupon “%(name)s”") % {"name": coupon.name}, coupon_off))
    if used:
        text = ngettext("%(credits)s credit", "%(credits)s credits", used)
        offs.append(Off(text % {"credits": used}, credits_off))
    return offs


def by_name(offs: Iterable[Off]) -> list[Off]:
    """One row for each name, in the order they first came; what takes nothing off is left out."""
    sums: dict[str, Fen] = {}
    for off in offs:
        sums[off.name] = sums.get(off.name, 0) + off.amount
    return [Off(name, amount) for name, amount in sums.items() if amount]


def next_steps(basket: Basket) -> list[Step]:
    """The nearest steps that a little more would reach, nearest first."""
    steps = [
        step
        for activity in basket.terms.activities
        if activity.kind == ActivityKind.THRESHOLD
        for step in _next(activity, basket.quote.lines)
    ]
    return sorted(steps, key=lambda step: step.missing)[:MOST_STEPS]


def _next(activity: Running, lines: Iterable[Priced]) -> Iterator[Step]:
    """Counted are the lines it has, or could have because no other activity has them."""
    spent = sum(
        line.list_price
        for line in lines
        if line.wanted.is_within(activity.scope)
        and (line.activity is None or line.activity.id == activity.id)
    )
    ahead = [(least, off) for least, off in activity.steps if least > spent]
    if spent and ahead:
        least, off = min(ahead)
        yield Step(activity.name, least - spent, off)


def _off(line: Priced) -> Fen:
    return line.list_price - line.price
