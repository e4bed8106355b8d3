"""A coupon as a buyer reads it: what it takes off, from how much on, what it covers, where to use it.

`tickets_of(offers, now)` for the coupon centre, `tickets_in_hand(grants, now)` for one's own; both read what a
coupon covers and which order took it from rows fetched before: nothing is asked per coupon.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from shigu.catalogue.activity_words import short
from shigu.catalogue.models import Category, Direction, Kind, Reach
from shigu.orders.models import Order
from shigu.promotions import coupon_words
from shigu.promotions.lists import Offer
from shigu.promotions.models import Coupon, Grant, GrantState

SHOWN = 3
"""So many of what a coupon covers are named; the others are counted."""

SOON = timedelta(days=1)
"""This close to its end a coupon counts down."""


class Link(NamedTuple):
    """Something a coupon covers, and its page."""

    word: str | Promise
    address: str


@dataclass(frozen=True)
class Ticket:
    """One coupon on paper: of the centre (`offer`), or in one's hand (`grant`)."""

    coupon: Coupon
    now: datetime
    offer: Offer | None = None
    grant: Grant | None = None
    order: str = ""

    @property
    def worth(self) -> str:
        """What it takes off, as large as can be."""
        return coupon_words.worth(self.coupon)

    @property
    def on(self) -> str:
        """On what a rate works; nothing for an amount."""
        if self.coupon.amount:
            return ""
        every = self.coupon.on_all_lines
        return _("on everything it covers") if every else _("on the dearest item it covers")

    @property
    def least(self) -> str:
        if not self.coupon.least:
            return _("no minimum")
        return _("from ¥%(least)s on") % {"least": short(self.coupon.least)}

    @cached_property
    def _covered(self) -> list[Link]:
        return _links(self.coupon)

    @property
    def covers(self) -> list[Link]:
        """The first few things it can be used on."""
        return self._covered[:SHOWN]

    @property
    def more(self) -> int:
        """How many other things it covers."""
        return len(self._covered) - len(self.covers)

    @property
    def use_at(self) -> str:
        """Where to go with it."""
        return self._covered[0].address if self._covered else reverse("home")

    @property
    def state(self) -> GrantState | None:
        return self.grant.state_at(self.now) if self.grant else None

    @property
    def begins(self) -> datetime:
        return (self.grant or self.coupon).valid_from

    @property
    def ends(self) -> datetime:
        return (self.grant or self.coupon).valid_until

    @property
    def is_early(self) -> bool:
        """Can it not be used yet?"""
        return self.now < self.begins

    @property
    def is_closing(self) -> bool:
        """Does it end within a day?"""
        return timedelta(0) < self.ends - self.now <= SOON

    @property
    def is_faint(self) -> bool:
        """Is there nothing to be had of it now?"""
        if self.offer:
            return self.offer.is_coming or (self.offer.is_gone and not self.offer.is_mine)
        return self.state not in (GrantState.UNUSED, GrantState.HELD)


def tickets_of(offers: Iterable[Offer], now: datetime) -> list[Ticket]:
    """The centre's offers."""
    return [Ticket(offer.coupon, now, offer=offer) for offer in offers]


def tickets_in_hand(grants: Sequence[Grant], now: datetime) -> list[Ticket]:
    """A buyer's own, each with the number of the order that holds or used it: one query."""
    numbers = order_numbers(grants)
    return [
        Ticket(grant.coupon, now, grant=grant, order=numbers.get(grant.order_id or 0, ""))
        for grant in grants
    ]


def order_numbers(grants: Iterable[Grant]) -> dict[int, str]:
    """The numbers of the orders that hold or used them, by order id; not of those that their buyer deleted."""
    ids = [grant.order_id for grant in grants if grant.order_id]
    rows = Order.objects.filter(pk__in=ids, hidden=False)
    return dict(rows.values_list("pk", "number")) if ids else {}


def _links(coupon: Coupon) -> list[Link]:
    match coupon.reach:
        case Reach.DIRECTION:
            return [_direction(row) for row in coupon.directions.all()]
        case Reach.CATEGORY:
            return [_category(row) for row in coupon.categories.all()]
        case Reach.PRODUCT:
            rows = coupon.products.all()
            return [Link(row.name, reverse("product", args=[row.slug])) for row in rows]
    return [Link(_("All courses"), reverse("courses")), Link(_("All goods"), reverse("goods"))]


def _direction(row: Direction) -> Link:
    return Link(row.name, f"{_list_of(row)}?direction={row.slug}")


def _category(row: Category) -> Link:
    address = f"{_list_of(row.direction)}?direction={row.direction.slug}&category={row.slug}"
    return Link(row.name, address)


def _list_of(direction: Direction) -> str:
    return reverse("courses" if direction.kind == Kind.COURSE else "goods")
