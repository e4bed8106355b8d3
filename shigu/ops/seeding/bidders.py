"""Robots that bid in a shop that is tried out, so that somebody alone sees a lively sale.

They are people like any other, marked as robots by name, and use the real operations: a deposit from their
balance (the operator gives it, with its reason in the ledger), bids through the one door, payment of what they
won. `Robots().act()` is one moment of theirs. Never in production.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.conf import settings

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions import arranging, committing, deposits
from shigu.auctions.deciding import Offer
from shigu.auctions.models import OPEN_STATES, Award, AwardState, Bidding, DepositState, Lot
from shigu.auctions.rules import Rules
from shigu.kit.errors import Refusal
from shigu.kit.money import Fen
from shigu.ledger import adjusting
from shigu.ledger.models import Book
from shigu.ops.seeding.run import NotHere
from shigu.payments.paying import balance_of, pay_from_balance

COUNT = 4
PURSE: Fen = 2_000_000
"""What the operator gives a robot, again when half of it is gone."""

TIMES_START = 8
"""A robot goes up to so many times the start price, or the reserve, whichever is more."""

NEAR = timedelta(minutes=2)
HOME = "机器人，演示地址 / a robot, no real address"
REASON = "机器人竞买演示 / robots bidding for a demonstration"


@dataclass
class Robots:
    """All of them; `chance` is their dice."""

    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        if settings.PRODUCTION:
            raise NotHere
        self.people = [_robot(number) for number in range(1, COUNT + 1)]

    def act(self) -> int:
        """Pay what was won, then perhaps bid on one lot; how many bids were accepted."""
        for person in self.people:
            _fill_purse(person)
            _pay_won(person)
        lot = self._lot()
        return int(lot is not None and self._bid(lot))

    def pause(self) -> float:
        """Seconds until the next moment."""
        return self.chance.uniform(1.0, 4.0)

    def _lot(self) -> Bidding | None:
        """An open one; those about to close are looked at most."""
        now = clock.now()
        rows = Bidding.objects.filter(state__in=OPEN_STATES, opens_at__lte=now, closes_at__gt=now)
        lots = list(rows.select_related("lot__session").order_by("closes_at", "pk")[:12])
        if not lots:
            return None
        weights = [4 if lot.closes_at - now < NEAR else 1 for lot in lots]
        return self.chance.choices(lots, weights)[0]

    def _bid(self, row: Bidding) -> bool:
        lot = row.lot
        rules = Rules(lot.start_price, lot.steps)
        least = rules.least(row.price)
        if least > max(TIMES_START * max(lot.start_price, 10_000), lot.reserve or 0):
            return False
        person = self.chance.choice([one for one in self.people if one.pk != row.leader_id])
        if not _admitted(person, lot):
            return False
        amount = least + self.chance.choice([0, 0, 0, 1, 2]) * rules.step(least)
        maximum = amount + 3 * rules.step(amount) if self.chance.random() < 0.3 else None
        with suppress(Refusal):
            offer = Offer(lot.pk, person.pk, f"robot {uuid4().hex}", amount, maximum)
            return bool(committing.decided(offer).verdict == "accepted")
        return False


def _robot(number: int) -> User:
    profile = {"email": f"robot-{number}@shop.test", "nickname": f"机器人 {number} 🤖"}
    user, new = User.objects.get_or_create(username=f"robot-{number}", defaults=profile)
    if new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _fill_purse(person: User) -> None:
    if balance_of(person.pk) >= PURSE // 2:
        return
    operator = User.objects.filter(is_superuser=True).order_by("pk")[0]
    purse = adjusting.open_account(Book.BALANCE, person.pk)
    adjusting.adjust(purse, PURSE, number=adjusting.draw(), reason=REASON, by=operator.pk)


def _admitted(person: User, lot: Lot) -> bool:
    """Pay the deposit that the lot asks for, if any, from the balance."""
    if not (lot.deposit or lot.session.deposit):
        return True
    key = f"robot {lot.session_id}" + ("" if lot.session.deposit else f" {lot.pk}")
    try:
        if lot.session.deposit:
            deposit = deposits.ask_for_session(person.pk, lot.session_id, key=key)
        else:
            deposit = deposits.ask_for_lot(person.pk, lot.pk, key=key)
        if deposit.state == DepositState.PENDING:
            pay_from_balance("deposit", deposit.pk, user_id=person.pk)
    except Refusal:
        return False
    return True


def _pay_won(person: User) -> None:
    for award in Award.objects.filter(user=person, state=AwardState.PENDING).order_by("pk")[:5]:
        with suppress(Refusal):
            arranging.arrange(award.order_id, by=person.pk, sent_to=HOME)
        with suppress(Refusal):
            pay_from_balance("order", award.order_id, user_id=person.pk)
