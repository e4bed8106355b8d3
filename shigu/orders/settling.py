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
from shigu.ledger import posting
from shigu.orders import credits, history, telling
from shigu.orders.lines import Owned, by_kind, lines_of, lock_fulfilment, pieces
from shigu.orders.models import Order, Status
from shigu.orders.origins import origins
from shigu.payments.models import Attempt, Why
from shigu.payments.purposes import Applied, Returned, Verdict
from shigu.promotions import holding

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
    status, rules = Status(order.status), origins[order.origin]
    if status == Status.UNPAID and rules.is_late(order, attempt.paid_at):
        return Returned(Why.LATE)
    if status in ALWAYS_BACK or attempt.amount != order.payable:
        return Returned(ALWAYS_BACK.get(status, Why.SURPLUS))
    if status == Status.EXPIRED and not rules.may_revive:
        return Returned(Why.LATE)
    lines = _locked_lines([order])
    if status == Status.EXPIRED and not _can_take_again(order, lines, now):
        return Returned(Why.LATE)
    apply([order], lines, was=status, now=now)
    return Applied()


def lock_all(orders: Sequence[Order]) -> None:
    """Everything that settling any of these may touch, in the one order of locks.

    One order after the other would go from the pieces of the first back to the credits of the next, where
    somebody who holds those credits may be waiting for these pieces.
    """
    lines = _locked_lines(orders)
    holding.locked([order.grant_id for order in orders if order.grant_id])
    credits.locked({o.user_id for o in orders if o.credits or credits.earned_by(o.payable)})
    stock.locked_free(pieces(lines))


def settle_free(orders: Sequence[Order], *, now: datetime) -> None:
    """Settle orders that cost nothing, in the transaction that placed them."""
    apply(orders, _locked_lines(orders), was=Status.UNPAID, now=now)


def apply(orders: Sequence[Order], lines: list[Owned], *, was: Status, now: datetime) -> None:
    """Make unpaid (or, reviving, expired) orders paid.

    1. Status, when it was settled; nothing is due any more. Reviving is a round of its own.
    2. One history row and one notice each.
    3. Lines are fulfilled by kind: enrolments, shipments.
    4. The coupon is used, credits are spent and earned.
    5. Held pieces become sold ones; SKUs are locked here or were locked by the caller, last.
    """
    revived = was == Status.EXPIRED
    _mark_paid(orders, revived=revived, now=now)
    ids = [order.pk for order in orders]
    history.record(ids, was, Status.PAID, why="revived" if revived else "paid", at=now)
    telling.tell("order.paid", ids, at=now)
    for kind, group in by_kind(lines):
        kind.fulfil(group, now=now)
    if revived:
        holding.use_at_once({o.grant_id: o.pk for o in orders if o.grant_id}, now=now)
    elif any(order.grant_id for order in orders):
        holding.use(ids, now=now)
    if users := {order.user_id for order in orders if order.credits or order.earned}:
        credits.locked(users)
        posting.post(credits.settle_moves(orders, held=not revived), at=now)
    _sell(lines, held=not revived, now=now)
    reached("orders.settle.done")


def _mark_paid(orders: Sequence[Order], *, revived: bool, now: datetime) -> None:
    for order in orders:
        order.status, order.due_at, order.ended_at = Status.PAID, None, None
        order.settled_at, order.earned = now, credits.earned_by(order.payable)
        order.round += revived
    fields = ["status", "due_at", "ended_at", "settled_at", "earned", "round"]
    Order.objects.bulk_update(orders, fields)


def _locked_lines(orders: Sequence[Order]) -> list[Owned]:
    lines = lines_of(orders)
    lock_fulfilment(lines)
    return lines


def _can_take_again(order: Order, lines: list[Owned], now: datetime) -> bool:
    """Coupon, credits and pieces of a lapsed order are all there; locks them, SKUs last."""
    if order.grant_id and not holding.locked([order.grant_id])[order.grant_id].is_usable(now):
        return False
    if order.credits and credits.locked([order.user_id])[order.user_id] < order.credits:
        return False
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
