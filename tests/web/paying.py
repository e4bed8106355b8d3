"""What the tests of the pages after placing do to an order: open its cashier, pay it, let its time run out."""

from __future__ import annotations

from datetime import timedelta

from shigu import clock
from shigu.orders.expiry import expire
from shigu.orders.models import Order
from shigu.payments.models import Attempt, Notice, Refund
from shigu.payments.opening import Addresses, Way, open_attempt
from shigu.payments.provider import Answer, Standing
from shigu.payments.settling import settle
from tests.web.ordering import everything

SOMEWHERE = Addresses("http://testserver/back/", "http://testserver/tell/")


def opened(order: Order) -> Attempt:
    """The buyer went to Alipay's cashier."""
    return open_attempt(
        "order", order.pk, user_id=order.user_id, way=Way(), addresses=SOMEWHERE
    ).attempt


def paid(order: Order, attempt: Attempt | None = None) -> Order:
    """Alipay says that the order is paid."""
    attempt = attempt or opened(order)
    number = f"2026112122001{attempt.pk:09d}"
    settle(
        "alipay",
        Answer(
            attempt.out_trade_no,
            Standing.PAID,
            amount=attempt.amount,
            trade_no=number,
            paid_at=clock.now(),
        ),
    )
    return fresh(order)


def lapsed(order: Order) -> Order:
    """Sixteen minutes pass, and the clock takes the order."""
    clock.shift(timedelta(minutes=16))
    expire([order.pk], now=clock.now())
    return fresh(order)


def fresh(order: Order) -> Order:
    """The order as it is now."""
    return Order.objects.get(pk=order.pk)


def all_rows() -> list[object]:
    """Everything that shopping and paying may write."""
    money = [list(model.objects.order_by("pk").values()) for model in (Attempt, Notice, Refund)]
    return [*everything(), *money]
