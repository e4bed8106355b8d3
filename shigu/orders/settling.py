"""A payment arrives at its order: settle it, revive it, or send the money back.

Called by `payments.settling` through `handlers.OrderPurpose`, inside its transaction, with the orders
locked first and the attempts after them. The verdict on each attempt's money is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shigu.catalogue import stock
from shigu.catalogue.models import Moved, StockMovement
from shigu.catalogue.stock import Change
from shigu.kit.breakpoints import reached
from shigu.orders import history
from shigu.orders.lines import Owned, by_kind, lines_of, lock_fulfilment, pieces
from shigu.orders.models import Order, Status
from shigu.payments.models import Attempt, Why
from shigu.payments.purposes import Applied, Returned, Verdict

ALWAYS_BACK = {
    Status.CANCELLED: Why.CANCELLED,
    Status.PAID: Why.SURPLUS,
    Status.REFUNDED: Why.SURPLUS,
}


def settle_attempts(
    attempts: Sequence[Attempt], orders: dict[int, Order], now: datetime
) -> dict[int, Verdict]:
    """Decide each attempt's money, one after the other: two attempts of one order never both apply."""
    return {attempt.pk: _decide(attempt, orders[attempt.subject_id], now) for attempt in attempts}


def _decide(attempt: Attempt, order: Order, now: datetime) -> Verdict:
    status = Status(order.status)
    if status in ALWAYS_BACK or attempt.amount != order.payable:
        return Returned(ALWAYS_BACK.get(status, Why.SURPLUS))
    lines = _locked_lines([order])
    if status == Status.EXPIRED and not _can_take_again(lines):
        return Returned(Why.LATE)
    apply([order], lines, was=status, now=now)
    return Applied()


def settle_free(orders: Sequence[Order], *, now: datetime) -> None:
    """Settle orders that cost nothing, in the transaction that placed them."""
    apply(orders, _locked_lines(orders), was=Status.UNPAID, now=now)


def apply(orders: Sequence[Order], lines: list[Owned], *, was: Status, now: datetime) -> None:
    """Make unpaid (or, reviving, expired) orders paid.

    1. Status, when it was settled; nothing is due any more.
    2. One history row each.
    3. Lines are fulfilled by kind: enrolments, shipments.
    4. Held pieces become sold ones; SKUs are locked here or were locked by the caller, last.
    """
    ids = [order.pk for order in orders]
    Order.objects.filter(pk__in=ids).update(
        status=Status.PAID, due_at=None, settled_at=now, ended_at=None
    )
    for order in orders:
        order.status = Status.PAID
    revived = was == Status.EXPIRED
    history.record(ids, was, Status.PAID, why="revived" if revived else "paid", at=now)
    for kind, group in by_kind(lines):
        kind.fulfil(group, now=now)
    _sell(lines, held=not revived, now=now)
    reached("orders.settle.done")


def _locked_lines(orders: Sequence[Order]) -> list[Owned]:
    lines = lines_of(orders)
    lock_fulfilment(lines)
    return lines


def _can_take_again(lines: list[Owned]) -> bool:
    wanted = pieces(lines)
    free = stock.locked_free(wanted)
    return all(free.get(sku, 0) >= count for sku, count in wanted.items())


def _sell(lines: list[Owned], *, held: bool, now: datetime) -> None:
    sold = pieces(lines)
    stock.record(
        StockMovement(
            sku_id=owned.line.sku_id,
            kind=Moved.SALE,
            pieces=-owned.line.quantity,
            subject=f"order {owned.order.number}",
            at=now,
        )
        for owned in lines
        if owned.line.sku_id in sold
    )
    stock.move({s: Change(on_hand=-n, held=-n if held else 0, sold=n) for s, n in sold.items()})
