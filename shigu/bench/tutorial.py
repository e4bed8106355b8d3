"""How the tutorials end an unpaid order: one order, one transaction, one query after the other.

The body of both baselines of `expiry`: a loop calls it, and so does one Celery task per order. Written
as kindly as the shape allows: nothing is read that is not needed, only changed columns are saved, and
the locks come in the order of `docs/locking.md`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from shigu.catalogue.models import Stock
from shigu.ledger.models import Account, Book, Event, Transfer, account
from shigu.notices.models import Notice, State
from shigu.orders.models import Order, OrderEvent, Status
from shigu.promotions.models import Grant, GrantState


def expire_one(order_id: int) -> None:
    """End one order: get, change, save, line by line; coupon and credits where it has them."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.status != Status.UNPAID:
            return
        at = datetime.now(UTC)
        order.status, order.due_at, order.ended_at = Status.EXPIRED, None, at
        order.save(update_fields=["status", "due_at", "ended_at"])
        OrderEvent.objects.create(
            order=order, at=at, was=Status.UNPAID, status=Status.EXPIRED, why="time"
        )
        write_notices(order, "order.lapsed", at)
        if order.grant_id:
            _release_coupon(order.grant_id, at)
        if order.credits:
            _release_credits(order, at)
        for line in order.lines.order_by("sku_id"):
            stock = Stock.objects.select_for_update().get(pk=line.sku_id)
            stock.held -= line.quantity
            stock.save(update_fields=["held"])


def expire_overdue() -> None:
    """The loop over all that is overdue."""
    overdue = Order.objects.filter(status=Status.UNPAID, due_at__lte=datetime.now(UTC))
    for order_id in overdue.order_by("due_at").values_list("pk", flat=True):
        expire_one(order_id)


def write_notices(order: Order, event: str, at: datetime) -> None:
    """One row for each channel that reaches the buyer."""
    user = order.user
    known: dict[str, Any] = {"event": event, "subject": order.pk, "round": order.round, "at": at}
    known |= {"user": user, "facts": {"pay_by": order.pay_by.isoformat()}}
    Notice.objects.create(channel="inbox", state=State.KEPT, **known)
    if user.is_active and user.email:
        Notice.objects.create(channel="mail", state=State.WAITING, due_at=at, **known)


def _release_coupon(grant_id: int, at: datetime) -> None:
    grant = Grant.objects.select_for_update().get(pk=grant_id)
    alive = grant.valid_until > at
    grant.state = GrantState.UNUSED if alive else GrantState.LAPSED
    grant.due_at = grant.valid_until if alive else None
    grant.order_id = None
    grant.save(update_fields=["state", "due_at", "order_id"])


def _release_credits(order: Order, at: datetime) -> None:
    free, held = account(Book.CREDITS, order.user_id), account(Book.CREDITS_HELD, order.user_id)
    Transfer.objects.create(
        kind=Event.RELEASE,
        subject=order.pk,
        nth=order.round,
        debit=held,
        credit=free,
        amount=order.credits,
        at=at,
    )
    for pk, delta in ((free, order.credits), (held, -order.credits)):
        mine = Account.objects.select_for_update().get(pk=pk)
        mine.balance += delta
        mine.save(update_fields=["balance"])
