"""To the end: an order costs what the back office showed before its activity was saved."""

from __future__ import annotations

import pytest

from shigu.catalogue.models import Activity
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.models import Order
from tests import activities
from tests.goods import teapot
from tests.ops.test_activities import ADD, PREVIEW, shown, signed_in, typed
from tests.people import alice, operator

pytestmark = pytest.mark.usefixtures("clone", "plain_files")


@pytest.mark.parametrize(("amount", "winner"), [("33.33", "夏日"), ("10", "Ninety 活动")])
def test_an_order_costs_what_was_previewed(amount: str, winner: str) -> None:
    """The price, the activity that makes it, and its name in the order's line."""
    pot, office = teapot(), signed_in(operator())
    activities.discount(90, name="Ninety")
    form = typed(kind="reduction", amount=amount)
    [row] = shown(office.post(ADD, form | PREVIEW)).rows
    assert Activity.objects.count() == 1
    assert office.post(ADD, form).status_code == 302
    choice = Choice(pot.skus.get().pk, 1, row.list_price, offered=row.together)
    placed = place(Placing(alice().pk, "k", (choice,), sent_to="Alice 13800000000 西市坊 3 号"))
    order = Order.objects.get(pk=placed.order_id)
    assert order.payable == row.together
    assert [line.activity_zh for line in order.lines.all()] == [winner]
    assert row.by
    assert row.by.name_zh == winner
