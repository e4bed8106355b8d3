"""What the tests do with somebody's balance: top it up as a provider would, look at it.

`topped_up(user, fen)` goes the whole way (asked for, cashier opened, told that it was paid), so that the
audit holds; `settings.ALIPAY_SIMULATOR_DIR` must name keys.
"""

from __future__ import annotations

import itertools

from shigu import clock
from shigu.accounts.models import User
from shigu.ledger.models import Transfer
from shigu.payments.models import Attempt, Outcome
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.paying import balance_of
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle
from shigu.wallet.models import TopUp
from shigu.wallet.topping_up import ask_for

NOWHERE = Addresses("http://127.0.0.1:9/", "http://127.0.0.1:9/")
_keys = itertools.count(1)


def asked(user: User, fen: int = 10_000) -> TopUp:
    """Somebody asks for an amount."""
    return ask_for(user.pk, fen, key=f"purse {next(_keys)}")


def opened(top_up: TopUp, channel: str = "page") -> Attempt:
    """Its cashier is open at Alipay."""
    way = Way("alipay", channel)
    return open_attempt(
        "top-up", top_up.pk, user_id=top_up.user_id, way=way, addresses=NOWHERE
    ).attempt


def told(attempt: Attempt, standing: Standing = Standing.PAID) -> Outcome:
    """Alipay says how it stands."""
    number = attempt.out_trade_no
    answer = Answer(
        number, standing, amount=attempt.amount, trade_no=f"t{number}", paid_at=clock.now()
    )
    return settle(attempt.provider, answer)


def topped_up(user: User, fen: int = 10_000) -> TopUp:
    """The amount is on the balance."""
    top_up = asked(user, fen)
    assert told(opened(top_up)) == Outcome.SETTLED
    top_up.refresh_from_db()
    return top_up


def has(user: User) -> int:
    """What is there, in fen."""
    return balance_of(user.pk)


def story() -> list[tuple[str, int]]:
    """All transfers of fen so far, oldest first: what happened, and how much."""
    rows = Transfer.objects.filter(kind__in=KINDS).order_by("pk")
    return list(rows.values_list("kind", "amount"))


KINDS = ("payment", "top-up", "returning", "refund", "refunded")
