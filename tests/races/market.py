"""What the races stand on: buyers, goods and a course, and the verbs as a page or a provider calls them.

`paid` is the provider saying "paid" of an attempt, straight into the one settling function: what happens
before it (HTTP, signatures) is tested in the payments room.
"""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue import stock
from shigu.catalogue.models import Category, Direction, Kind, Moved, Product, Sku, Stock
from shigu.clock.drain import drain_all
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders import cancelling, restoring
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.models import Order, Status
from shigu.orders.placing import Placed
from shigu.payments.models import Attempt, Outcome
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle
from shigu.promotions.models import Coupon, Grant
from tests.auditing import assert_audit_holds as assert_audit_holds

POT, COURSE = 26800, 39900
MOST_CREDITS = 500
"""That many, ¥50, can be used on each piece of anything."""
NOWHERE = Addresses(returns="http://127.0.0.1:9/", notifies="http://127.0.0.1:9/")


class Market:
    """A shop with `pieces` teapots, a course, and as many buyers as a test wants."""

    def __init__(self, pieces: int = 10) -> None:
        self._keys = itertools.count(1)
        self._trades = itertools.count(1)
        self.alice = self.buyer("alice")
        self.pot = self.goods("teapot", POT, pieces)
        self.course = self.a_course("python", COURSE)

    def buyer(self, name: str) -> User:
        """Somebody who may buy."""
        return User.objects.create(username=name, email=f"{name}@example.org")

    def buyers(self, count: int) -> list[User]:
        """Many of them."""
        rows = [User(username=f"buyer{n}", email=f"buyer{n}@example.org") for n in range(count)]
        return User.objects.bulk_create(rows)

    def goods(self, slug: str, price: int, pieces: int) -> Sku:
        """Goods with pieces received."""
        sku = self._sku(Kind.GOODS, slug, price)
        Stock.objects.create(sku=sku)
        stock.correct(
            sku.pk, pieces=pieces, kind=Moved.RECEIPT, subject=slug, by="operator", now=clock.now()
        )
        return sku

    def a_course(self, slug: str, price: int, days: int = 30) -> Sku:
        """A course valid for `days`."""
        return self._sku(Kind.COURSE, slug, price, validity_days=days)

    def _sku(self, kind: Kind, slug: str, price: int, **more: int) -> Sku:
        direction, _ = Direction.objects.get_or_create(slug=kind, kind=kind, name_zh=kind)
        category, _ = Category.objects.get_or_create(slug=kind, direction=direction, name_zh=kind)
        product = Product.objects.create(
            kind=kind, slug=slug, category=category, name_zh=slug, most_credits=MOST_CREDITS
        )
        return Sku.objects.create(product=product, code=slug, price=price, **more)

    def give(self, buyer: User, credits: int) -> None:
        """The shop gives somebody credits."""
        with transaction.atomic():
            mine = account(Book.CREDITS, buyer.pk)
            posting.lock([mine])
            event = next(self._keys)
            move = Move(Event.ADJUST, event, account(Book.ISSUED), mine, credits, note="a test")
            posting.post([move], at=clock.now())

    def grant(self, buyer: User, off: int = 3000, **coupon: Any) -> Grant:
        """Somebody has a coupon, `off` fen on anything, valid for a week."""
        now = clock.now()
        given = {"valid_from": now - timedelta(days=1), "valid_until": now + timedelta(days=7)}
        row = Coupon.objects.create(
            **{**given, **coupon}, name_zh="券", kind="fixed", amount=off, total=1, issued=1
        )
        return Grant.objects.create(
            coupon=row,
            user=buyer,
            nth=1,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            due_at=row.valid_until,
            got_at=now,
            way="operator",
        )

    def place(
        self,
        buyer: User,
        *wanted: tuple[Sku, int],
        key: str = "",
        grant: Grant | None = None,
        credits: int = 0,
    ) -> Placed:
        """A buyer places an order; its key is new unless given."""
        return place(self.placing(buyer, *wanted, key=key, grant=grant, credits=credits))

    def placing(
        self,
        buyer: User,
        *wanted: tuple[Sku, int],
        key: str = "",
        grant: Grant | None = None,
        credits: int = 0,
    ) -> Placing:
        """What the confirm page sends."""
        return Placing(
            buyer.pk,
            key or f"key {next(self._keys)}",
            tuple(Choice(sku.pk, pieces, sku.price) for sku, pieces in wanted),
            sent_to="Alice, 1 Drum Street",
            grant_id=grant.pk if grant else None,
            credits=credits,
        )

    def ordered(
        self,
        buyer: User | None = None,
        pieces: int = 1,
        grant: Grant | None = None,
        credits: int = 0,
    ) -> Order:
        """An unpaid order of teapots."""
        wanted = (self.pot, pieces)
        placed = self.place(buyer or self.alice, wanted, grant=grant, credits=credits)
        return Order.objects.get(pk=placed.order_id)

    def credits(self, buyer: User) -> tuple[int, int]:
        """Free, held."""
        free, held = (account(book, buyer.pk) for book in (Book.CREDITS, Book.CREDITS_HELD))
        found = posting.balances([free, held])
        return found[free], found[held]

    def opened(self, order: Order, channel: str = "page") -> Attempt:
        """Its cashier is open."""
        way = Way("alipay", channel)
        return open_attempt(
            "order", order.pk, user_id=order.user_id, way=way, addresses=NOWHERE
        ).attempt

    def paid(self, attempt: Attempt) -> Outcome:
        """The provider says that it was paid."""
        answer = Answer(
            attempt.out_trade_no,
            Standing.PAID,
            amount=attempt.amount,
            trade_no=f"trade {next(self._trades)}",
            paid_at=clock.now(),
        )
        return settle("alipay", answer)

    def over(self, order: Order) -> None:
        """Its time is over, as if all deadlines had been set that much earlier."""
        gone = settings.PAY_WINDOW + settings.ASK_BACKSTOP + timedelta(seconds=1)
        Order.objects.filter(pk=order.pk, due_at__isnull=False).update(due_at=clock.now() - gone)

    def lapse(self, order: Order) -> None:
        """Its time is over and the clock did its work."""
        self.over(order)
        drain_all()

    def cancel(self, order: Order) -> Order:
        """Its buyer cancels."""
        return cancelling.cancel(order.pk, by=order.user_id)

    def restore(self, order: Order) -> Order:
        """Its buyer wants it back."""
        return restoring.restore(order.pk, by=order.user_id)

    def status(self, order: Order) -> Status:
        """As it stands in the database."""
        return Status(Order.objects.values_list("status", flat=True).get(pk=order.pk))

    def counts(self, sku: Sku | None = None) -> tuple[int, int, int]:
        """On hand, held, sold."""
        row = Stock.objects.get(pk=(sku or self.pot).pk)
        return row.on_hand, row.held, row.sold


def rounds(few: int, many: int) -> range:
    """How many random rounds: `few` in bin/test, `many` in bin/test --deep."""
    import os

    return range(many if os.environ.get("SHIGU_DEEP") else few)


def dice(seed: int) -> random.Random:
    """Chance that can be told again."""
    return random.Random(seed)
