"""What the tests of the shop's pages do to come to an order, and how they see that nothing changed."""

from __future__ import annotations

import itertools

from django.conf import settings
from django.test import Client

from shigu.accounts.models import Address, User
from shigu.catalogue.models import Sku, Stock
from shigu.ledger.models import Transfer
from shigu.orders.admission import Choice, Placing
from shigu.orders.models import CartLine, Order, OrderEvent, OrderLine
from shigu.orders.placing import Placed, place_many
from shigu.promotions.models import Grant

_keys = itertools.count(1)


def english(client: Client) -> Client:
    """The same visitor, reading English."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def placed(
    user: User, *wanted: tuple[Sku, int], grant: Grant | None = None, credits: int = 0
) -> Order:
    """An unpaid order of `user`, placed past the pages, with a coupon and credits of theirs."""
    choices = tuple(Choice(sku.pk, pieces, sku.price) for sku, pieces in wanted)
    key, used = f"test {next(_keys)}", grant.pk if grant else None
    placing = Placing(user.pk, key, choices, sent_to="Alice", grant_id=used, credits=credits)
    (answer,) = place_many([placing])
    assert isinstance(answer, Placed), answer
    return Order.objects.get(pk=answer.order_id)


def holding(sku: Sku) -> tuple[int, int, int]:
    """On hand, held, sold."""
    row = Stock.objects.get(pk=sku.pk)
    return row.on_hand, row.held, row.sold


def everything() -> list[object]:
    """All rows that the cart and the confirm page may write: equal before and after is "nothing changed"."""
    models = (CartLine, Order, OrderLine, OrderEvent, Stock, Grant, Transfer, Address)
    return [list(model.objects.order_by("pk").values()) for model in models]
