"""Shelves, buyers and what they have in their pockets before the doors open."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.bench.sessions import session_of
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.promotions.models import Coupon, Grant
from tests import goods, people
from tests.fleet.chaos.buyers import Guest

PIECES = {"inkstone": (18_800, 4000), "seal": (6_600, 30), "gaiwan": (9_900, 8)}
"""What is sold: its price in fen and pieces. The last ones are scarce, so that what lapses is bought again."""

CREDITS = 4000
OFF = (500, 1500, 3000)
"""A coupon of each, in fen, for every buyer."""


def stock_shelves() -> list[int]:
    """Goods and courses; ids of what can be bought."""
    skus = []
    for slug, (price, pieces) in PIECES.items():
        product = goods.goods(slug, slug, slug, [("", "", price, pieces)])
        product.most_credits = 300
        product.save(update_fields=["most_credits"])
        skus.append(goods.sku(product).pk)
    return [*skus, goods.sku(goods.python_course()).pk]


def invite(count: int) -> list[Guest]:
    """So many buyers, signed in, with an address, credits and coupons."""
    guests = []
    for number in range(1, count + 1):
        buyer = people._person(f"buyer{number}")
        people.address_of(buyer)
        _give_credits(buyer)
        for off in OFF:
            _give_coupon(buyer, off)
        guests.append(Guest(buyer.pk, buyer.username, session_of(buyer)))
    return guests


def _give_credits(buyer: User) -> None:
    with transaction.atomic():
        mine = account(Book.CREDITS, buyer.pk)
        posting.lock([mine])
        move = Move(
            Event.ADJUST, buyer.pk, account(Book.ISSUED), mine, CREDITS, note="for the test"
        )
        posting.post([move], at=clock.now())


def _give_coupon(buyer: User, off: int) -> None:
    now = clock.now()
    coupon = Coupon.objects.create(
        name_zh=f"减 {off}",
        name_en=f"{off} off",
        kind="fixed",
        amount=off,
        total=1,
        issued=1,
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=30),
    )
    Grant.objects.create(
        coupon=coupon,
        user=buyer,
        nth=1,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        due_at=coupon.valid_until,
        got_at=now,
        way="operator",
    )
