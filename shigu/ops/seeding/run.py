"""`seed()` fills a shop for looking at; the second time it adds nothing.

Never in production: everybody shares one known password, and the clock is moved while it works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from shigu import clock
from shigu.accounts.models import User
from shigu.ops.seeding import activities, auctions, coupons, inboxes, wallets
from shigu.ops.seeding.people import invite
from shigu.ops.seeding.shelves import stock_shelves
from shigu.ops.seeding.stories import STORIES, Story
from shigu.ops.seeding.telling import tell, travel

OPENED = timedelta(days=75)
"""How long ago the shop received its first goods."""


class NotHere(Exception):
    """A production shop is not seeded."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was new."""

    products: int
    orders: int


def seed(step: Callable[[str], None] = lambda _: None) -> Seeded:
    """Catalogue, offers, people, orders; `step` hears what is being done."""
    if settings.PRODUCTION:
        raise NotHere
    with _clock_in_hand():
        step("catalogue")
        travel(OPENED)
        products = stock_shelves()
        activities.announce()
        coupons.offer()
        travel(OPENED)
        step("people")
        people = invite()
        step("coupons")
        coupons.hand_out(people)
        step("orders")
        orders = _happen(people)
        coupons.let_lapse()
        step("notices")
        inboxes.catch_up(people)
    return Seeded(products, orders)


def _happen(people: Mapping[str, User]) -> int:
    """Orders and what else moved money, each at its time, so that statements read from top to bottom.

    How many orders are new.
    """
    orders, auctioned = 0, auctions.happenings(people)
    for one in sorted([*STORIES, *wallets.DEEDS, *auctioned], key=lambda one: -one.ago):
        if isinstance(one, Story):
            orders += tell(one, people)
        elif isinstance(one, auctions.Happening):
            travel(one.ago)
            one.do()
        else:
            wallets.do(one, people)
    return orders


@contextmanager
def _clock_in_hand() -> Iterator[None]:
    """A clock that may be moved meanwhile; afterwards it is what it was.

    A seed that was killed has left the clock in the past; nothing else ever does, so it is put right.
    """
    was_real = not clock.time.is_shiftable()
    if was_real:
        clock.allow_shifting()
    home = max(clock.offset(), timedelta(0))
    try:
        yield
    finally:
        clock.shift(home - clock.offset())
        if was_real:
            clock.forbid_shifting()
