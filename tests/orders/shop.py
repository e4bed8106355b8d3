"""Orders as the tests of this room make them, through the real verbs."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue.models import Product
from shigu.clock.drain import drain
from shigu.orders.admission import Choice, Placing
from shigu.orders.committing import place
from shigu.orders.locks import locked_orders
from shigu.orders.models import Order
from shigu.orders.placing import Placed
from shigu.orders.settling import settle_free
from tests.goods import sku

ADDRESS = "Alice 13800000000 西市坊 3 号"


def choice(product: Product, quantity: int = 1, place: int = 0) -> Choice:
    """A choice at the price that stands now."""
    chosen = sku(product, place)
    return Choice(chosen.pk, quantity, chosen.price)


def request(user: User, *choices: Choice, key: str = "k", sent_to: str = ADDRESS) -> Placing:
    """What a confirm page sends."""
    return Placing(user.pk, key, choices, sent_to=sent_to)


def placed(user: User, *choices: Choice, key: str = "k") -> Order:
    """An unpaid order."""
    found: Placed = place(request(user, *choices, key=key))
    return Order.objects.get(pk=found.order_id)


def paid(user: User, *choices: Choice, key: str = "k") -> Order:
    """A paid order whose money needed nobody: its lines are free of charge, the rest is as always."""
    order = placed(user, *choices, key=key)
    Order.objects.filter(pk=order.pk).update(payable=0)
    order.lines.update(payable=0, coupon_off=F("price"))
    with transaction.atomic():
        settle_free(locked_orders([order.pk]), now=clock.now())
    order.refresh_from_db()
    return order


def lapse(order: Order) -> None:
    """Its time is over, and the clock came by."""
    Order.objects.filter(pk=order.pk).update(due_at=order.placed_at)
    drain("orders.expire")
    order.refresh_from_db()
