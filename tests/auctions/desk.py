"""What the tests do with deposits and with what was won: ask, pay as a provider would tell it, let time pass.

`held(room, user)` goes the whole way (asked for, cashier opened, told that it was paid), so that the audit
holds; `settings.ALIPAY_SIMULATOR_DIR` must name keys. `life(deposit)` is its whole story in five figures.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import NamedTuple

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.deposits import ask_for_lot, ask_for_session
from shigu.auctions.models import Award, Bidding, Deposit, DepositState
from shigu.clock.drain import drain_all
from shigu.kit.auditing import audits, offending
from shigu.ledger import posting
from shigu.ledger.models import Book, Transfer, account
from shigu.orders.models import Order
from shigu.payments.models import Attempt, Outcome
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle
from tests.auctions.saleroom import Saleroom

NOWHERE = Addresses("http://127.0.0.1:9/", "http://127.0.0.1:9/")
_keys = itertools.count(1)


def asked(room: Saleroom, user: User, lot: Bidding | None = None, key: str = "") -> Deposit:
    """Somebody asks to be admitted to one lot, or to all of them."""
    key = key or f"desk {next(_keys)}"
    if lot:
        return ask_for_lot(user.pk, lot.pk, key=key)
    return ask_for_session(user.pk, room.session.pk, key=key)


def opened(deposit: Deposit, channel: str = "page") -> Attempt:
    """Its cashier is open at Alipay."""
    return _opened("deposit", deposit.pk, deposit.user_id, channel)


def told(attempt: Attempt, standing: Standing = Standing.PAID) -> Outcome:
    """Alipay says how it stands."""
    return settle(attempt.provider, said(attempt, standing))


def said(attempt: Attempt, standing: Standing = Standing.PAID) -> Answer:
    """What Alipay says, as of now."""
    number = attempt.out_trade_no
    return Answer(
        number, standing, amount=attempt.amount, trade_no=f"t{number}", paid_at=clock.now()
    )


def held(room: Saleroom, user: User, lot: Bidding | None = None) -> Deposit:
    """Asked for, and paid at Alipay."""
    deposit = asked(room, user, lot)
    assert told(opened(deposit)) == Outcome.SETTLED
    return now_of(deposit)


def pays(award: Award) -> Outcome:
    """The winner says where to send it, and pays at Alipay."""
    return told(arranged(award))


def arranged(award: Award) -> Attempt:
    """It is said where to send it, and the order's cashier is open at Alipay."""
    Order.objects.filter(pk=award.order_id).update(sent_to="Alice, 1 Drum Street")
    return _opened("order", award.order_id, award.user_id)


def passes(by: timedelta) -> None:
    """Time passes, and the clock does what is due."""
    clock.shift(by)
    drain_all()


def won(lot: Bidding) -> Award:
    """Who got it."""
    return Award.objects.get(lot_id=lot.pk)


class Life(NamedTuple):
    """A deposit in yuan: what is held in the ledger, and what became of the rest."""

    state: DepositState
    held: int = 0
    returned: int = 0
    forfeited: int = 0
    applied: int = 0


def life(deposit: Deposit) -> Life:
    """How it stands."""
    row, mine = now_of(deposit), account(Book.DEPOSIT, deposit.pk)
    figures = [posting.balances([mine])[mine], row.returned, row.forfeited, row.applied]
    return Life(DepositState(row.state), *(figure // 100 for figure in figures))


def now_of(deposit: Deposit) -> Deposit:
    """As it is in the database."""
    return Deposit.objects.get(pk=deposit.pk)


def story(*kinds: str) -> list[tuple[str, int]]:
    """Transfers of these events in yuan, oldest first."""
    rows = Transfer.objects.filter(kind__in=kinds).order_by("pk")
    return [(kind, amount // 100) for kind, amount in rows.values_list("kind", "amount")]


def assert_audit_holds() -> None:
    """Every invariant that any app declares holds."""
    broken = {f"{i.number} {i.title}": rows for i in audits if (rows := offending(i))}
    assert not broken, broken


def _opened(purpose: str, subject_id: int, user_id: int, channel: str = "page") -> Attempt:
    way = Way("alipay", channel)
    return open_attempt(purpose, subject_id, user_id=user_id, way=way, addresses=NOWHERE).attempt
