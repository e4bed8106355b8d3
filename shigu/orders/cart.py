"""The cart: what somebody means to buy. Nothing in it is held; placing decides.

A course stands in it once (choosing another validity replaces it) and not while it still runs. Lines
are selected when added, the selection is kept, and only selected lines are ordered.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least

from shigu import clock
from shigu.catalogue.models import Kind, Sku
from shigu.orders.admission import MOST_PIECES
from shigu.orders.buying import courses_in_hand
from shigu.orders.errors import BadQuantity, TakenDown
from shigu.orders.locks import lock_buyers
from shigu.orders.models import CartLine


def lines(user_id: int) -> QuerySet[CartLine]:
    """The whole cart, newest first, with what each line needs to be shown: two queries at most."""
    return (
        CartLine.objects.filter(user_id=user_id)
        .select_related("sku__stock", "sku__product__category")
        .prefetch_related("product__skus")
    )


def count(user_id: int) -> int:
    """Lines in the cart: the figure in the header."""
    return CartLine.objects.filter(user_id=user_id).count()


def add(user_id: int, sku_id: int, quantity: int = 1) -> CartLine:
    """Put a SKU in; goods add up to at most 99, a course stays one. Sku.DoesNotExist for junk."""
    if not 1 <= quantity <= MOST_PIECES:
        raise BadQuantity
    with transaction.atomic(durable=True):
        lock_buyers([user_id])
        sku = Sku.objects.select_related("product").get(pk=sku_id)
        now = clock.now()
        _refuse(user_id, sku)
        if sku.product.kind == Kind.COURSE:
            CartLine.objects.filter(user_id=user_id, product=sku.product).delete()
            quantity = 1
        line, new = CartLine.objects.get_or_create(
            user_id=user_id,
            sku=sku,
            defaults={"product": sku.product, "quantity": quantity, "added_at": now},
        )
        if not new:
            more = Least(F("quantity") + quantity, MOST_PIECES)
            CartLine.objects.filter(pk=line.pk).update(quantity=more, selected=True, added_at=now)
    return line


def _refuse(user_id: int, sku: Sku) -> None:
    product = sku.product
    if product.kind == Kind.LOT or not (sku.on_sale and product.on_sale):
        raise TakenDown(name=product.name)
    if product.kind == Kind.COURSE:
        pair = (user_id, product.pk)
        if found := courses_in_hand([pair], now=clock.now()).refusal(pair, product.name):
            raise found


def change_quantity(user_id: int, line_id: int, quantity: int) -> None:
    """Set how many pieces of goods; CartLine.DoesNotExist for another's line."""
    line = CartLine.objects.select_related("product").get(pk=line_id, user_id=user_id)
    if not 1 <= quantity <= (MOST_PIECES if line.product.kind == Kind.GOODS else 1):
        raise BadQuantity
    CartLine.objects.filter(pk=line.pk).update(quantity=quantity)


def change_choice(user_id: int, line_id: int, sku_id: int) -> None:
    """Choose another validity or variant of the same product."""
    with transaction.atomic(durable=True):
        lock_buyers([user_id])
        line = CartLine.objects.get(pk=line_id, user_id=user_id)
        sku = Sku.objects.get(pk=sku_id, product_id=line.product_id)
        CartLine.objects.filter(user_id=user_id, sku=sku).exclude(pk=line.pk).delete()
        CartLine.objects.filter(pk=line.pk).update(sku=sku)


def select(user_id: int, line_ids: Collection[int], *, selected: bool) -> None:
    """Choose lines for ordering, or leave them for later."""
    CartLine.objects.filter(user_id=user_id, pk__in=line_ids).update(selected=selected)


def remove(user_id: int, line_id: int) -> None:
    """Take a line out; a line that is gone already is fine."""
    CartLine.objects.filter(user_id=user_id, pk=line_id).delete()
