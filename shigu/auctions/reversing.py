"""What was taken of a deposit goes back to it: the same amount the other way, the first row untouched.

`reverse` is an operator undoing a forfeit, with a reason; `uncount` undoes what counted toward the price of a
lot whose sale was refunded. A deposit that is decided gives the money back at once, by the way it came; one
that waits for other lots holds it on, and so does one that a lot to be paid may need still.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from shigu import clock
from shigu.auctions import waking
from shigu.auctions.errors import NothingForfeited, ReversedAlready
from shigu.auctions.locks import locked_deposits
from shigu.auctions.models import LIVE_DEPOSITS, Award, AwardState, Deposit, DepositState
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.payments.models import Why
from shigu.payments.refunding import give_back


@dataclass(frozen=True, slots=True)
class Cause:
    """Who undoes it, and why; nobody where it follows from a refund."""

    by: int | None = None
    reason: str = ""


def reverse(award_id: int, *, reason: str, by: int) -> Award:
    """An operator undoes what was forfeited for this award.

    1. Lock the deposit, then look: NothingForfeited, ReversedAlready.
    2. A contra transfer with its reason, and the deposit's figures.
    3. The money goes back, or is held on.
    """
    with transaction.atomic(durable=True):
        covered = Award.objects.filter(pk=award_id, deposit__isnull=False)
        deposits = locked_deposits(list(covered.values_list("deposit_id", flat=True)))
        reached("auctions.reverse.locked")
        award = Award.objects.get(pk=award_id)
        if not deposits or not award.forfeited:
            raise NothingForfeited
        if award.reversed_at:
            raise ReversedAlready
        now = clock.now()
        _contra(award, Book.FORFEITED, award.forfeited, Cause(by, reason), now)
        Deposit.objects.filter(pk=deposits[0].pk).update(forfeited=F("forfeited") - award.forfeited)
        _give_back(deposits[0], award.forfeited, now)
    return award


def uncount(award_ids: Collection[int], *, now: datetime) -> None:
    """The orders of these paid awards were refunded: what their deposits paid of the price goes back.

    The deposits are locked with the orders. An award that is to be paid still has nothing to undo.
    """
    rows = Award.objects.filter(pk__in=award_ids, counted__gt=0, reversed_at=None)
    for award in rows.exclude(state__in=[AwardState.PENDING, AwardState.OVERDUE]).order_by("pk"):
        [deposit] = locked_deposits([award.deposit_id] if award.deposit_id else [])
        _contra(award, Book.SALES, award.counted, Cause(), now)
        Deposit.objects.filter(pk=deposit.pk).update(applied=F("applied") - award.counted)
        _give_back(deposit, award.counted, now)
    waking.of_awards(award_ids, now=now)


def _contra(award: Award, book: Book, amount: Fen, cause: Cause, now: datetime) -> None:
    held = account(Book.DEPOSIT, award.deposit_id or 0)
    posting.lock([held])
    move = Move(
        Event.REVERSE, award.pk, account(book), held, amount, 0, cause.by, cause.reason[:120]
    )
    posting.post([move], at=now)
    award.reversed_at = now
    award.save(update_fields=["reversed_at"])


def _give_back(deposit: Deposit, amount: Fen, now: datetime) -> None:
    if _is_needed(deposit):
        fresh = {"state": DepositState.HELD, "ended_at": None, "decide_at": now}
        Deposit.objects.filter(pk=deposit.pk).update(**fresh)
    elif deposit.state == DepositState.DECIDED and deposit.attempt_id:
        give_back(deposit.attempt_id, amount, Why.DEPOSIT, now=now)
        Deposit.objects.filter(pk=deposit.pk).update(returned=F("returned") + amount)


def _is_needed(deposit: Deposit) -> bool:
    """Was it decided because nothing was left, while something that it covers is to be paid still?

    Not where its owner was admitted by another one since: one of them is held at a time.
    """
    if deposit.state != DepositState.DECIDED:
        return False
    gate = {"user": deposit.user_id, "session": deposit.session_id, "lot": deposit.lot_id}
    if Deposit.objects.filter(**gate, state__in=LIVE_DEPOSITS).exists():
        return False
    return Award.objects.filter(deposit=deposit, state=AwardState.PENDING).exists()
