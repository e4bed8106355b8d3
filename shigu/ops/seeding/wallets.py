"""Money and credits in the seeded shop besides orders: who topped up, what the operator gave and why.

`DEEDS` happened among the stories of `stories.py`; `do(deed, people)` lets one happen, through the shop's
own verbs, and nothing where it has happened before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from shigu.accounts.models import User
from shigu.kit.money import Fen
from shigu.ledger import adjusting
from shigu.ledger.models import Book, Transfer
from shigu.ops.seeding.telling import NOWHERE, pay_at_provider, travel
from shigu.payments.opening import Way, open_attempt
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for


@dataclass(frozen=True, slots=True)
class Filling:
    """Somebody puts `amount` fen on their balance; where not `paid`, they only meant to."""

    who: str
    ago: timedelta
    amount: Fen
    paid: bool = True

    @property
    def key(self) -> str:
        return f"seed {self.amount} {self.ago.days}"


@dataclass(frozen=True, slots=True)
class Gift:
    """The operator gives, or below zero takes, `amount` with a reason that the buyer reads."""

    who: str
    ago: timedelta
    amount: int
    reason: str
    book: Book = Book.CREDITS


DEEDS: list[Filling | Gift] = [
    Gift("carol", timedelta(days=46.0), 120, "为店里的青瓷拍了照片，谢谢"),
    Gift("alice", timedelta(days=25.1), 88, "茶会上带来了新朋友"),
    Gift("carol", timedelta(days=24.7), -20, "同一张照片送了两次积分，更正"),
    Filling("alice", timedelta(days=10.3), 20000, paid=False),
    Filling("alice", timedelta(days=10.2), 50000),
    Filling("bob", timedelta(days=9.1), 10000),
    Gift("carol", timedelta(days=7.4), 1000, "快递晚到三天，店里补偿", Book.BALANCE),
    Filling("alice", timedelta(days=0.6), 20000),
]


def do(deed: Filling | Gift, people: Mapping[str, User]) -> None:
    """Let it happen at its time, where it has not happened yet."""
    if isinstance(deed, Filling):
        _fill(deed, people[deed.who])
    else:
        _give(deed, people[deed.who], people["operator"])


def _fill(deed: Filling, user: User) -> None:
    if TopUp.objects.filter(user=user, key=deed.key).exists():
        return
    travel(deed.ago)
    top_up = ask_for(user.pk, deed.amount, key=deed.key)
    if deed.paid:
        opened = open_attempt("top-up", top_up.pk, user_id=user.pk, way=Way(), addresses=NOWHERE)
        travel(deed.ago - settings.PAY_WINDOW / 10)
        pay_at_provider(opened.attempt)


def _give(deed: Gift, user: User, operator: User) -> None:
    if Transfer.objects.filter(note=deed.reason).exists():
        return
    travel(deed.ago)
    account = adjusting.open_account(deed.book, user.pk)
    number = adjusting.draw()
    adjusting.adjust(account, deed.amount, number=number, reason=deed.reason, by=operator.pk)
