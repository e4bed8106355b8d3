"""What a refund locks, and in which order: whoever buys at the same time must not wait in a circle with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from shigu.learning.enrolling import CourseLines
from shigu.orders.models import Order, Status
from shigu.orders.refunding import refund
from shigu.promotions import holding
from shigu.promotions.models import Grant, GrantState
from tests.goods import python_course
from tests.ledger.books import credits_of, give, standing
from tests.orders.shop import choice, paid
from tests.people import alice, operator
from tests.promotions.booth import coupon, in_hand
from tests.races.together import start, wait_until_blocked

pytestmark = pytest.mark.usefixtures("clone")


def bought() -> Order:
    """A course with a coupon, paid; it earned credits, and there is no money to send back."""
    order = paid(alice(), choice(python_course()))
    grant = in_hand(coupon(), alice(), GrantState.USED, order_id=order.pk)
    give(alice(), 100)
    Order.objects.filter(pk=order.pk).update(earned=100, grant_id=grant.pk)
    return Order.objects.get(pk=order.pk)


def the_course(order: Order) -> None:
    """As whoever buys the course locks it."""
    CourseLines().lock({(order.user_id, python_course().pk)})


def the_coupon(order: Order) -> None:
    """As whoever orders with the coupon locks it."""
    holding.locked([order.grant_id or 0])


@pytest.mark.parametrize("hold", [the_course, the_coupon])
def test_a_refund_takes_credits_last(hold: Callable[[Order], None]) -> None:
    """It waits for the course or the coupon with empty hands: the other side gets the credits, too."""
    order = bought()
    with transaction.atomic():
        hold(order)
        other = start(lambda: refund(order.pk, by=operator().pk))
        wait_until_blocked()
        with connection.cursor() as cursor:
            query = "SELECT 1 FROM ledger_account WHERE id = %s FOR NO KEY UPDATE NOWAIT"
            cursor.execute(query, [credits_of(alice())])
    assert isinstance(other.result(), Order)
    assert Order.objects.get(pk=order.pk).status == Status.REFUNDED
    assert Grant.objects.get(pk=order.grant_id).state == GrantState.UNUSED
    assert standing()[credits_of(alice())] == 0
