"""What a card says of its order, whatever happens while it is read."""

from __future__ import annotations

import pytest

from shigu import clock
from shigu.orders.models import Order
from shigu.web.order_cards import card_of
from tests.goods import sku, teapot
from tests.people import alice
from tests.web.ordering import placed
from tests.web.paying import paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay")]


def test_an_order_settled_while_it_is_read_goes_on_being_watched() -> None:
    """The page shows "unpaid", so it must hear that this is old; else it would wait for ever."""
    read_before = placed(alice(), (sku(teapot()), 1))
    paid(Order.objects.get(pk=read_before.pk))
    card = card_of(read_before, clock.now())
    assert card.standing.is_moving
    assert card.chip == "unpaid"
    assert card_of(Order.objects.get(pk=read_before.pk), clock.now()).chip == "to_ship"
