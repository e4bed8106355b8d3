"""A saleroom: one session with lots as publishing leaves them, and bidders who may bid.

`Saleroom()` is live: opened a minute ago, each lot closes in an hour, hard, unless told otherwise. `bid`
goes through the one door; `standing` is what a page would show; `log` is what was written.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import F

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import committing
from shigu.auctions.deciding import Decision, Offer
from shigu.auctions.models import (
    Bid,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    LotState,
    Session,
    SessionState,
)
from shigu.catalogue.models import Category, Direction, Kind, Product, Sku

HOUR = timedelta(hours=1)
STEPS = [[0, 100], [10_000, 500], [100_000, 5000]]


class Saleroom:
    """A session that one may bid in; every lot starts at ¥10 and goes up by ¥1, from ¥100 on by ¥5."""

    _keys = itertools.count(1)

    def __init__(self, **session: Any) -> None:
        cache.clear()  # bids of the test before, by people and on lots of the same ids
        self.opened = clock.now() - timedelta(minutes=1)
        given = {
            "slug": "autumn",
            "name_zh": "秋拍",
            "state": SessionState.LIVE,
            "preview_from": self.opened - HOUR,
            "preview_until": self.opened,
            "opens_at": self.opened,
            "closes_at": self.opened + HOUR,
            "soft_window": 0,
            "deposit": 0,
        }
        self.session = Session.objects.create(**{**given, **session})

    def lot(
        self, closes_in: timedelta = HOUR, state: LotState = LotState.LIVE, **lot: Any
    ) -> Bidding:
        """One more lot, closing that long from now."""
        number = self.session.lots.count() + 1
        given = {"start_price": 1000, "steps": STEPS, "name_zh": f"拍品 {number}"}
        row = Lot.objects.create(
            **{**given, "session": self.session, "number": number, "sku": self._sku(number), **lot}
        )
        ends = clock.now() + closes_in
        Session.objects.filter(pk=self.session.pk).update(open_lots=F("open_lots") + 1)
        return Bidding.objects.create(
            lot=row,
            session_id=self.session.pk,
            sku_id=row.sku_id,
            state=state,
            opens_at=self.session.opens_at,
            closes_at=ends,
            due_at=ends if state in (LotState.PREVIEW, LotState.LIVE) else None,
        )

    def _sku(self, number: int) -> Sku:
        direction, _ = Direction.objects.get_or_create(slug="lots", kind=Kind.LOT, name_zh="拍")
        category, _ = Category.objects.get_or_create(slug="lots", direction=direction, name_zh="拍")
        code = f"{self.session.slug}-{number}"
        product = Product.objects.create(
            kind=Kind.LOT, slug=code, category=category, name_zh=code, on_sale=False
        )
        return Sku.objects.create(product=product, code=code, price=0, on_sale=False)

    def offer(self, lot: Bidding, bidder: User, amount: int, *more: Any, key: str = "") -> Offer:
        """What a lot's page sends: amount, maximum, confirmed."""
        return Offer(lot.pk, bidder.pk, key or f"key {next(self._keys)}", amount, *more)

    def bid(self, lot: Bidding, bidder: User, amount: int, *more: Any, key: str = "") -> Decision:
        """Bid, and be told the decision, whatever it is."""
        return committing.decided(self.offer(lot, bidder, amount, *more, key=key))

    def deposit(self, bidder: User, amount: int = 10_000, lot: Bidding | None = None) -> Deposit:
        """A deposit that is held, for one lot or for all; its money is the ledger's own room."""
        now = clock.now()
        return Deposit.objects.create(
            number=f"D{next(self._keys)}",
            key=f"deposit {next(self._keys)}",
            user=bidder,
            session=self.session,
            lot=lot.lot if lot else None,
            amount=amount,
            state=DepositState.HELD,
            asked_at=now,
            pay_by=now + HOUR,
            paid_at=now,
        )

    def bidders(self, count: int) -> list[User]:
        """Many people."""
        rows = [User(username=f"bidder{n}", email=f"bidder{n}@example.org") for n in range(count)]
        return User.objects.bulk_create(rows)


def standing(lot: Bidding) -> tuple[int | None, int | None]:
    """Price and leader, as they stand."""
    lot.refresh_from_db()
    return lot.price, lot.leader_id


def log(lot: Bidding) -> list[tuple[int, str]]:
    """Number and verdict of every decision."""
    return list(Bid.objects.filter(lot_id=lot.pk).order_by("n").values_list("n", "verdict"))


def ends(lot: Bidding) -> datetime:
    """When it closes now."""
    lot.refresh_from_db()
    return lot.closes_at
