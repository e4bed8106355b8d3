"""Paying from the buyer's balance: open, paid and decided in one transaction.

`pay_from_balance` inserts an attempt like any other and lets the one settling function decide it, with an
answer that says "paid". So an order settles, revives or refuses the money in exactly one place, whatever
paid it, and an open attempt of the balance is never seen outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen, yuan
from shigu.ledger import posting
from shigu.ledger.models import Book, account
from shigu.payments import locks
from shigu.payments.errors import NoSuchWay, NotEnoughBalance, NotYours
from shigu.payments.models import Attempt, Money
from shigu.payments.opening import Way, insert
from shigu.payments.provider import Answer, Standing
from shigu.payments.purposes import Payable, purposes
from shigu.payments.settling import Hearing, decide

BALANCE = Way("balance", "")


def balance_of(user_id: int) -> Fen:
    """What somebody could pay with now, for pages to show; without a lock."""
    mine = account(Book.BALANCE, user_id)
    return posting.balances([mine])[mine]


def pay_from_balance(purpose: str, subject_id: int, *, user_id: int) -> Attempt:
    """Pay this subject from what `user_id` has; the attempt, decided. Saying it twice pays once.

    1.  Lock the subject, then its attempts; what the balance paid already is the answer.
    2.  Read the clock, ask the purpose what is to be paid: it may refuse.
    3.  Lock the balance; NotEnoughBalance where it does not suffice.
    4.  Insert an attempt, and settle it with the answer "paid": the ledger, the purpose, other open
        attempts follow as for any provider. Commit.
    """
    with transaction.atomic(durable=True):
        attempts = locks.attempts_of([(purpose, subject_id)])
        now = clock.now()
        if done := _paid_before(attempts, user_id):
            return done
        payable = purposes[purpose].payable(subject_id, now=now)
        _refuse(payable, user_id)
        reached("payments.balance.locked")
        attempt = insert(purpose, subject_id, payable, BALANCE, nth=len(attempts) + 1, now=now)
        decide([Hearing("balance", _paid(attempt, now))])
        reached("payments.balance.committing")
    attempt.refresh_from_db()
    return attempt


def _paid_before(attempts: Sequence[Attempt], user_id: int) -> Attempt | None:
    mine = (one for one in attempts if one.provider == "balance" and one.user_id == user_id)
    return next((one for one in mine if one.money == Money.APPLIED), None)


def _refuse(payable: Payable, user_id: int) -> None:
    """Somebody else's, not to be paid so, or more than there is (asked under the balance's lock)."""
    if payable.user_id != user_id:
        raise NotYours
    if not payable.from_balance:
        raise NoSuchWay
    mine = account(Book.BALANCE, user_id)
    if (there := posting.lock([mine])[mine]) < payable.amount:
        raise NotEnoughBalance(missing=yuan(payable.amount - there))


def _paid(attempt: Attempt, now: datetime) -> Answer:
    return Answer(
        attempt.out_trade_no, Standing.PAID, amount=attempt.amount, paid_at=now, said="balance"
    )
