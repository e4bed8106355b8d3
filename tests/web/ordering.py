"""What the tests of the shop's pages do to come to an order, and how they see that nothing changed."""

from __future__ import annotations

import itertools

from django.conf import settings
from django.test import Client

from shigu.accounts.models import Address, User
from shigu.catalogue.models import Sku, Stock
from shigu.orders.admission import Choice, Placing
from shigu.orders.models import CartLine, Order, OrderEvent, OrderLine
from shigu.orders.placing import Placed, place_many

_keys = itertools.count(1)


def english(client: Client) -> Client:
    """The same visitor, reading English."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def placed(user: User, *wanted: tuple[Sku, int]) -> Order:
    """An unpaid order of `user`, placed past the pages."""
    choices = tuple(Choice(sku.pk, pieces, sku.price) for sku, pieces in wanted)
    (answer,) = place_many([Placing(user.pk, f"test {next(_keys)}", choices, sent_to="Alice")])
    assert isinstance(answer, Placed), answer
    return Order.objects.get(pk=answer.order_id)


def holding(sku: Sku) -> tuple[int, int, int]:
    """On hand, held, sold."""
    row = Stock.objects.get(pk=sku.pk)
    return row.on_hand, row.held, row.sold


def everything() -> list[object]:
    """All rows that the cart and the confirm page may write: equal before and after is "nothing changed"."""
    models = (CartLine, Order, OrderLine, OrderEvent, Stock, Address)
    return [list(model.objects.order_by("pk").values()) for model in models]
