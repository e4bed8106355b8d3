"""A course is bought once: not while it runs, not while it stands in the buyer's own unpaid order.

What runs may be renewed instead: the same line, with `renew`, moves its end out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shigu.catalogue.models import Kind
from shigu.kit.errors import Refusal
from shigu.orders.errors import AlreadyYours, AwaitingPayment, NotRunning, RunsForEver
from shigu.orders.lines import line_kinds
from shigu.orders.models import OrderLine, Status

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class InHand:
    """Of (user, product) pairs: until when those that run do (None: for ever), and the numbers of
    unpaid orders in which others stand.
    """

    running: Mapping[Pair, datetime | None] = field(default_factory=dict)
    waiting: dict[Pair, str] = field(default_factory=dict)

    def refusal(self, pair: Pair, name: str, *, renew: bool = False) -> Refusal | None:
        """Why this course cannot be bought (or renewed) now, if so."""
        if pair in self.waiting:
            return AwaitingPayment(name=name, number=self.waiting[pair])
        if pair not in self.running:
            return NotRunning(name=name) if renew else None
        if not renew:
            return AlreadyYours(name=name)
        return RunsForEver(name=name) if self.running[pair] is None else None


def courses_in_hand(pairs: Iterable[Pair], *, now: datetime) -> InHand:
    """What these (user, product) pairs run into."""
    wanted = set(pairs)
    if not wanted:
        return InHand()
    running = line_kinds[Kind.COURSE].running(wanted, now=now)
    rows = OrderLine.objects.filter(
        kind=Kind.COURSE,
        order__status=Status.UNPAID,
        order__user_id__in={user for user, _ in wanted},
        product_id__in={product for _, product in wanted},
    ).values_list("order__user_id", "product_id", "order__number")
    waiting = {(user, product): number for user, product, number in rows}
    return InHand(running, {pair: waiting[pair] for pair in waiting.keys() & wanted})
