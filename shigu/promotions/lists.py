"""The coupon centre and "my coupons", each in a fixed number of queries.

`offers(user_id, now)` is what the centre shows, best to act on first; `mine(user_id, tab, now)` is a
queryset to page through, `counts` the figures of its tabs. What lapsed is told by `now`, not by the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Count, F, Prefetch, Q, QuerySet

from shigu.catalogue.models import Category, Direction, Product
from shigu.promotions.models import Coupon, Grant, GrantState, Way

TABS = ("unused", "used", "lapsed")
MOST = 60
"""Coupons the centre shows of each sort."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon of the centre as one reader sees it; `mine` is how many of it they got."""

    coupon: Coupon
    mine: int
    now: datetime

    @property
    def is_coming(self) -> bool:
        return self.now < self.coupon.valid_from

    @property
    def is_mine(self) -> bool:
        """Has the reader got as many as one person may?"""
        return self.mine >= self.coupon.per_user

    @property
    def is_gone(self) -> bool:
        return self.coupon.left <= 0

    @property
    def may_claim(self) -> bool:
        return not (self.is_coming or self.is_mine or self.is_gone)


def offers(user_id: int | None, now: datetime) -> list[Offer]:
    """What can be claimed, then what one has, what is gone, what is coming; soonest first in each."""
    shown = Q(way=Way.CLAIM, on_offer=True, valid_until__gt=now)
    coupons = covering(Coupon.objects.filter(shown)).order_by("valid_until", "pk")
    running = coupons.filter(valid_from__lte=now)
    rows = [
        *running.filter(issued__lt=F("total"))[:MOST],
        *running.filter(issued__gte=F("total"))[:MOST],
        *coupons.filter(valid_from__gt=now).order_by("valid_from", "pk")[:MOST],
    ]
    got = _got(user_id, [row.pk for row in rows])
    return sorted((Offer(row, got.get(row.pk, 0), now) for row in rows), key=_place)


def _place(offer: Offer) -> int:
    if offer.is_coming:
        return 3
    return 1 if offer.is_mine else 2 if offer.is_gone else 0


def _got(user_id: int | None, coupon_ids: list[int]) -> dict[int, int]:
    if user_id is None:
        return {}
    rows = Grant.objects.filter(user_id=user_id, coupon_id__in=coupon_ids).order_by()
    return dict(rows.values_list("coupon_id").annotate(Count("pk")))


def covering(coupons: QuerySet[Coupon]) -> QuerySet[Coupon]:
    """With what each covers: three queries, however many coupons."""
    return coupons.prefetch_related(*_covered(""))


def _covered(before: str) -> list[Prefetch]:
    rows = {
        "directions": Direction.objects.all(),
        "categories": Category.objects.select_related("direction"),
        "products": Product.objects.filter(on_sale=True).only("slug", "name_zh", "name_en"),
    }
    return [Prefetch(before + name, queryset) for name, queryset in rows.items()]


def in_state(state: GrantState, now: datetime) -> Q:
    """Grants that are this to their buyers at `now`; `Grant.state_at` says it of one."""
    if state == GrantState.UNUSED:
        return Q(state=state, valid_until__gt=now)
    if state == GrantState.LAPSED:
        return Q(state=state) | Q(state=GrantState.UNUSED, valid_until__lte=now)
    return Q(state=state)


def tab_of(tab: str, now: datetime) -> Q:
    """Which grants a tab shows at `now`; KeyError for a tab there is not."""
    states = {
        "unused": (GrantState.UNUSED, GrantState.HELD),
        "used": (GrantState.USED,),
        "lapsed": (GrantState.LAPSED, GrantState.REVOKED),
    }
    return reduce(or_, (in_state(state, now) for state in states[tab]))


ORDERS = {
    "unused": ("valid_until", "pk"),
    "used": ("-used_at", "-pk"),
    "lapsed": ("-valid_until", "-pk"),
}


def mine(user_id: int, tab: str, now: datetime) -> QuerySet[Grant]:
    """A buyer's coupons of one tab: what lapses first is first, what was used or lapsed last is first."""
    rows = Grant.objects.filter(tab_of(tab, now), user_id=user_id).select_related("coupon")
    return rows.prefetch_related(*_covered("coupon__")).order_by(*ORDERS[tab])


def counts(user_id: int, now: datetime) -> dict[str, int]:
    """How many coupons each tab shows, in one query."""
    figures = {tab: Count("pk", filter=tab_of(tab, now)) for tab in TABS}
    return Grant.objects.filter(user_id=user_id).order_by().aggregate(**figures)
