"""Opening the cashier: what is told to the provider, what is reused, who is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu import clock
from shigu.accounts.models import User
from shigu.kit.errors import Refusal
from shigu.orders.cancelling import cancel
from shigu.orders.errors import NotUnpaid, TimeIsUp
from shigu.payments.errors import NoSuchWay, NotYours
from shigu.payments.models import Attempt, State
from shigu.payments.opening import Way, open_attempt
from shigu.web import callbacks
from tests.payments.shopfront import PRICE, Shop, everything, now_of


def test_an_attempt_is_opened(shop: Shop) -> None:
    """Its number stems from the order's; it expires, and is asked for, when the promise ends."""
    order = shop.order()
    attempt = shop.open(order).attempt
    assert (attempt.out_trade_no, attempt.amount) == (f"{order.number}_1", PRICE)
    assert attempt.expires_at == attempt.ask_at == order.pay_by
    assert attempt.number == order.number
    assert now_of(order).due_at == order.pay_by + timedelta(minutes=30)


def test_the_same_way_is_reused(shop: Shop) -> None:
    """A second click opens the same cashier; another channel opens its own."""
    order = shop.order()
    first = shop.open(order)
    assert shop.open(order).attempt == first.attempt
    assert shop.open(order, "wap").attempt.out_trade_no == f"{order.number}_2"
    assert Attempt.objects.count() == 2


@pytest.mark.parametrize("change", [{"state": State.CLOSED}, {"unwanted_at": "now"}, {"amount": 1}])
def test_what_ended_is_not_reused(shop: Shop, change: dict[str, object]) -> None:
    """Closed, unwanted, or of another amount: a number of its own."""
    order = shop.order()
    first = shop.open(order).attempt
    values = {name: clock.now() if value == "now" else value for name, value in change.items()}
    Attempt.objects.filter(pk=first.pk).update(**values)
    assert shop.open(order).attempt.out_trade_no == f"{order.number}_2"


def refused(shop: Shop, refusal: type[Refusal], order_id: int, **changes: object) -> None:
    before = everything()
    options = {"user_id": shop.alice.pk, "way": Way(), "addresses": callbacks.addresses("alipay")}
    with pytest.raises(refusal):
        open_attempt("order", order_id, **options | changes)  # type: ignore[arg-type]
    assert everything() == before


def test_refusals(shop: Shop) -> None:
    """Somebody else's, an unknown way, a cancelled order, time that is up: nothing is opened."""
    order = shop.order()
    bob = User.objects.create_user("bob")
    refused(shop, NotYours, order.pk, user_id=bob.pk)
    refused(shop, NoSuchWay, order.pk, way=Way("nobody"))
    with clock.shifted(timedelta(minutes=15)):
        refused(shop, TimeIsUp, order.pk)
    cancel(order.pk, by=shop.alice.pk)
    refused(shop, NotUnpaid, order.pk)


def test_refusals_are_said_in_both_languages() -> None:
    """A person reads why, in Chinese and in English."""
    from django.utils import translation

    from shigu.payments.errors import OverRefund

    with translation.override("zh-hans"):
        assert "1.00" in OverRefund(left="1.00").message
        assert OverRefund(left="1.00").message != OverRefund.msgid() % {"left": "1.00"}
    with translation.override("en"):
        assert NoSuchWay().message == NoSuchWay.msgid()
