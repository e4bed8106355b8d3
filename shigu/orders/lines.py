"""What fulfils an order line, asked upward by kind: a course enrols, goods are shipped.

Verbs take lists and run inside the batch. They return the stock changes they want, and the caller
makes one `stock.move` of all of them at the very end: SKUs are locked last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

from shigu.catalogue.models import Kind
from shigu.catalogue.stock import Change
from shigu.kit.registry import Registry
from shigu.orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class Owned:
    """A line together with the order it belongs to."""

    order: Order
    line: OrderLine


class LineKind(Protocol):
    """The doors that whoever fulfils a kind of line opens."""

    def lock(self, pairs: Collection[tuple[int, int]]) -> None:
        """Lock what fulfilling lines of these (user, product) pairs will touch, before any SKU."""

    def running(
        self, wanted: Collection[tuple[int, int]], *, now: datetime
    ) -> Mapping[tuple[int, int], datetime | None]:
        """Those (user, product) pairs that still run, and until when; None is for ever."""

    def fulfil(self, lines: Sequence[Owned], *, now: datetime) -> None:
        """Give the buyers what they paid for; called once per line."""

    def unfulfil(self, lines: Sequence[Owned], *, now: datetime) -> Mapping[int, Change]:
        """Take back what was given, for a refund; returns the pieces that come back by SKU."""


line_kinds: Registry[LineKind] = Registry("order line kinds", kinds=Kind.values)


def lines_of(orders: Iterable[Order]) -> list[Owned]:
    """All lines of these orders, in one query."""
    by_id = {order.pk: order for order in orders}
    lines = OrderLine.objects.filter(order_id__in=by_id).order_by("pk")
    return [Owned(by_id[line.order_id], line) for line in lines]


def by_kind(lines: Iterable[Owned]) -> list[tuple[LineKind, list[Owned]]]:
    """The lines grouped with the handler of their kind, kinds in a fixed order."""
    ordered = sorted(lines, key=lambda owned: owned.line.kind)
    groups = groupby(ordered, key=lambda owned: owned.line.kind)
    return [(line_kinds[kind], list(group)) for kind, group in groups]


def lock_fulfilment(lines: Iterable[Owned]) -> None:
    """Lock what fulfilling or taking back these lines touches; SKUs come after it."""
    for kind, group in by_kind(lines):
        kind.lock({(owned.order.user_id, owned.line.product_id) for owned in group})


def pieces(lines: Iterable[Owned]) -> dict[int, int]:
    """Pieces of goods by SKU."""
    found: dict[int, int] = {}
    for owned in lines:
        if owned.line.kind == Kind.GOODS:
            found[owned.line.sku_id] = found.get(owned.line.sku_id, 0) + owned.line.quantity
    return found
