"""Somebody wants an amount on their balance: a `TopUp` with a number of its own, to be paid at a provider.

`ask_for` makes it; what its money does is `handlers.TopUpPurpose`. Nothing is held for a top-up, so nothing
lapses: at `pay_by` the clock closes what is open at the provider, and a payment that arrives later still
counts: it is the buyer's money, it was meant for the balance, and nothing can be gone meanwhile. (An order has
to be revived for that; see `docs/decisions/0005-ask-before-giving-up.md`.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from shigu.kit.money import Fen, yuan
from shigu.payments.models import Attempt, State
from shigu.wallet.errors import NotAnAmount
from shigu.wallet.models import TopUp

DRAW = "SELECT shigu_clock(), nextval(pg_get_serial_sequence('wallet_topup', 'id'))"


def ask_for(user_id: int, amount: Fen, *, key: str) -> TopUp:
    """A top-up of `amount` fen; the same key gives the same one. NotAnAmount outside of the limits.

    1. Draw id and time; the number is `9`, the day, the buyer and the id, so that it is no order's.
    2. Insert; whoever else used this key has made it already.
    """
    if not settings.TOP_UP_LEAST <= amount <= settings.TOP_UP_MOST:
        raise NotAnAmount(least=yuan(settings.TOP_UP_LEAST), most=yuan(settings.TOP_UP_MOST))
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(DRAW)
            now, pk = cursor.fetchone()
        fresh = TopUp(
            pk=pk,
            number=_number(user_id, pk, now),
            user_id=user_id,
            amount=amount,
            key=key[:64],
            asked_at=now,
            pay_by=now + settings.PAY_WINDOW,
        )
        TopUp.objects.bulk_create([fresh], ignore_conflicts=True)
        return TopUp.objects.get(user_id=user_id, key=key[:64])


def _number(user_id: int, pk: int, now: datetime) -> str:
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y%m%d")
    return f"9{day}{user_id:04d}{pk:06d}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A top-up as its buyer sees it.

    `word`: unpaid · asking (its time is over, the provider has the last word) · paid · closed.
    """

    top_up: TopUp
    word: str
    is_asking: bool
    """May a provider still tell of a payment?"""

    @property
    def is_moving(self) -> bool:
        """Will it change by itself?"""
        return self.word == "asking" or (self.word == "unpaid" and self.is_asking)


def standing(top_up: TopUp, now: datetime) -> Standing:
    """How it stands at `now`."""
    rows = Attempt.objects.filter(purpose="top-up", subject_id=top_up.pk, state=State.OPEN)
    asking = rows.exists()
    if top_up.paid_at:
        return Standing(top_up, "paid", asking)
    if top_up.is_payable(now):
        return Standing(top_up, "unpaid", asking)
    return Standing(top_up, "asking" if asking else "closed", asking)


def of(user_id: int, number: str) -> TopUp:
    """The buyer's own top-up by its number; TopUp.DoesNotExist for anyone else's."""
    return TopUp.objects.get(user_id=user_id, number=number)
