"""Goods of a paid order: wait to be shipped, are shipped by an operator, come back on a refund."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.catalogue.stock import Change
from shigu.orders import history, telling
from shigu.orders.errors import NotToShip
from shigu.orders.lines import Owned, pieces
from shigu.orders.locks import locked_orders
from shigu.orders.models import Shipment, Status


class GoodsLines:
    """Fulfils goods: a shipment per order. The pieces themselves are moved by settling."""

    def lock(self, pairs: Collection[tuple[int, int]]) -> None:
        """Nothing beyond the order and, last, its SKUs."""

    def running(
        self, wanted: Collection[tuple[int, int]], *, now: datetime
    ) -> Mapping[tuple[int, int], datetime | None]:
        """Goods can be bought as often as one likes."""
        return {}

    def fulfil(self, lines: Sequence[Owned], *, now: datetime) -> None:
        """One shipment for each order that has goods."""
        orders = sorted({owned.order.pk for owned in lines})
        Shipment.objects.bulk_create(Shipment(order_id=pk, since=now) for pk in orders)

    def unfulfil(self, lines: Sequence[Owned], *, now: datetime) -> Mapping[int, Change]:
        """Pieces that never left the house come back; what was shipped stays sold."""
        orders = {owned.order.pk for owned in lines}
        here = Shipment.objects.filter(pk__in=orders, shipped_at=None)
        back = set(here.values_list("pk", flat=True))
        counts = pieces(owned for owned in lines if owned.order.pk in back)
        return {sku: Change(on_hand=n, sold=-n) for sku, n in counts.items()}


def ship(order_id: int, *, by: int, carrier: str, tracking_no: str) -> Shipment:
    """An operator hands the goods over. NotToShip where nothing waits (or the money goes back)."""
    with transaction.atomic(durable=True):
        [order] = locked_orders([order_id])
        shipment = Shipment.objects.filter(pk=order_id).first()
        if (
            order.status != Status.PAID
            or shipment is None
            or shipment.shipped_at
            or order.refunding_at
        ):
            raise NotToShip
        now = clock.now()
        shipment.shipped_at, shipment.carrier, shipment.tracking_no = now, carrier, tracking_no
        shipment.save(update_fields=["shipped_at", "carrier", "tracking_no"])
        history.record([order_id], Status.PAID, Status.PAID, why="shipped", at=now, by=by)
        telling.tell("order.shipped", [order_id], at=now)
    return shipment
