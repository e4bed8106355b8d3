"""A slow, obvious reading of the rules of `docs/pricing.md`, to hold the engine against: `slow_quote`.

Written from the sentences, not from the engine: exact fractions, and wherever a rule says "the best", all
possibilities are listed and the best is looked for. Good for a handful of lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from shigu.catalogue.activities import Running
from shigu.orders.pricing import Voucher, Wanted


@dataclass
class Line:
    """One line on its way: what it saves, and by what."""

    wanted: Wanted
    activity: Running | None = None
    saved: int = 0
    coupon: int = 0
    credits: int = 0
    worth: int = 10
    settled: bool = False

    @property
    def listed(self) -> int:
        return sum(self.wanted.unit_price for _ in range(self.wanted.quantity))

    @property
    def price(self) -> int:
        return self.listed - self.saved

    @property
    def payable(self) -> int:
        return self.price - self.coupon - self.credits * self.worth


def slow_quote(
    lines: Sequence[Wanted],
    *,
    activities: Sequence[Running] = (),
    is_student: bool = False,
    coupon: Voucher | None = None,
    credits: int = 0,
    credit_worth: int = 10,
) -> list[Line] | str:
    """The lines as they came, or the name of the reason why the coupon does not fit."""
    made = [Line(line, worth=credit_worth) for line in lines]
    by_sku = sorted(made, key=lambda line: line.wanted.sku_id)
    alone(by_sku, [a for a in activities if is_student or a.kind != "student"])
    while best := best_group(by_sku, activities):
        apply(*best)
    if coupon and (reason := take_coupon(by_sku, coupon)):
        return reason
    take_credits(by_sku, credits)
    return made


def nearest_split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Of all splits into whole units next to the exact shares the nearest; of equals, early lines get more."""
    shares = [Fraction(amount * weight, sum(weights) or 1) for weight in weights]
    around = [sorted({floor(share), ceil(share)}) for share in shares]
    splits = [split for split in itertools.product(*around) if sum(split) == amount]
    near = {
        split: sum((part - share) ** 2 for part, share in zip(split, shares, strict=True))
        for split in splits
    }
    return max(split for split in splits if near[split] == min(near.values()))


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def covers(scope: object, wanted: Wanted) -> bool:
    return scope.reach == "all" or {
        "product": wanted.product_id,
        "category": wanted.category_id,
        "direction": wanted.direction_id,
    }[scope.reach] in set(scope.ids)


def alone(lines: Sequence[Line], activities: Sequence[Running]) -> None:
    """Each line by itself takes what saves most; of equals the lowest id."""
    for line in lines:
        for activity in sorted(activities, key=lambda a: a.id, reverse=True):
            saved = saved_alone(activity, line) if covers(activity.scope, line.wanted) else 0
            if saved and saved >= line.saved:
                line.activity, line.saved = activity, saved


def saved_alone(activity: Running, line: Line) -> int:
    if activity.kind == "free":
        return line.listed
    if activity.kind in ("discount", "student"):
        return half_up(line.listed * (1 - Fraction(activity.percent, 100)))
    if activity.kind == "reduction":
        left = [max(line.wanted.unit_price - activity.amount, 0)] * line.wanted.quantity
        return line.listed - sum(left)
    return 0


Group = tuple[Running, list[Line], int]


def best_group(lines: Sequence[Line], activities: Sequence[Running]) -> Group | None:
    """Among every set of lines that a 满减 or bundle might take, the one that gains most."""
    used = [line.activity.id for line in lines if line.settled and line.activity]
    found = [
        ((-gain, activity.id, len(members)), (activity, members, saved))
        for activity in activities
        if activity.id not in used
        for members, saved, gain in possible(activity, lines)
        if gain > 0
    ]
    return min(found, key=lambda one: one[0])[1] if found else None


def possible(activity: Running, lines: Sequence[Line]) -> Iterator[tuple[list[Line], int, int]]:
    """All sets in which nobody who joins saves more alone than, or as much as, somebody left out."""
    if activity.kind not in ("threshold", "bundle"):
        return
    inside = [
        line
        for line in lines
        if covers(activity.scope, line.wanted) and not line.settled
        if line.listed or activity.kind == "bundle"
    ]
    for pattern in itertools.product([True, False], repeat=len(inside)):
        members = [line for line, joins in zip(inside, pattern, strict=True) if joins]
        left_out = [line for line, joins in zip(inside, pattern, strict=True) if not joins]
        if all(one.saved < other.saved for one in members for other in left_out):
            saved = saved_together(activity, members)
            yield members, saved, saved - sum(line.saved for line in members)


def saved_together(activity: Running, members: Sequence[Line]) -> int:
    listed = sum(line.listed for line in members)
    saved = 0
    if activity.kind == "threshold":
        for least, off in sorted(activity.steps):
            saved = off if listed >= least else saved
    elif activity.scope.reach == "product" and activity.scope.ids:
        pile = [line.wanted.product_id for line in members for _ in range(line.wanted.quantity)]
        while set(activity.scope.ids) <= set(pile):
            for product in activity.scope.ids:
                pile.remove(product)
            saved += activity.amount
    return min(saved, listed)


def apply(activity: Running, members: Sequence[Line], saved: int) -> None:
    shares = nearest_split(saved, [line.listed for line in members])
    for line, share in zip(members, shares, strict=True):
        line.activity, line.saved, line.settled = activity, share, True


def take_coupon(lines: Sequence[Line], coupon: Voucher) -> str | None:
    """Take the coupon off its lines, or say why not."""
    within = [line for line in lines if covers(coupon.scope, line.wanted)]
    eligible = [line for line in within if line.activity is None and line.price > 0]
    if not eligible:
        taken = [line for line in within if line.activity]
        return "CouponOnActivities" if taken else "CouponFitsNothing"
    if sum(line.price for line in eligible) < coupon.least:
        return "CouponMinimum"
    if coupon.amount:
        off = min(coupon.amount, sum(line.price for line in eligible))
    else:
        if not coupon.on_all_lines:
            dearest = max(line.price for line in eligible)
            eligible = [line for line in eligible if line.price == dearest][:1]
        saved = 1 - Fraction(coupon.percent, 100)
        off = half_up(sum(line.price for line in eligible) * saved)
    if off == 0:
        return "CouponSavesNothing"
    shares = nearest_split(off, [line.price for line in eligible])
    for line, share in zip(eligible, shares, strict=True):
        line.coupon = share
    return None


def take_credits(lines: Sequence[Line], asked: int) -> None:
    """As many whole credits as were asked for, as far as the lines take them."""
    limits = []
    for line in lines:
        limit = 0
        while (
            limit < line.wanted.most_credits * line.wanted.quantity
            and (limit + 1) * line.worth <= line.payable
        ):
            limit += 1
        limits.append(limit)
    used = min(asked, sum(limits))
    for line, share in zip(lines, nearest_split(used, limits), strict=True):
        line.credits = share
