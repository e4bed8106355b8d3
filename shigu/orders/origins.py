"""Where an order comes from decides what its deadline and its end mean: `origins[order.origin]`.

The shop's own orders follow `Shop`; a floor above that makes orders of its own registers its `Rules` in
its `handlers.py`. Verbs run inside the batch: `lock` after the orders and before their attempts, `ended` in
the transaction that ends them. The shop's orders cost no look-up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings

from shigu.kit.registry import Registry
from shigu.orders import telling
from shigu.orders.models import Order, Origin, Status


class Rules(Protocol):
    """What orders ask of the place that they come from; `refuse_…` raise a Refusal or do nothing."""

    @property
    def backstop(self) -> timedelta:
        """How long after `pay_by` an order with an open cashier ends though its provider said nothing."""

    @property
    def may_revive(self) -> bool:
        """May late money bring an expired order back to life, where all of it can still be had?"""

    def lock(self, order_ids: Sequence[int]) -> None:
        """Lock what ends or is fulfilled together with these locked orders."""

    def refuse_paying(self, order: Order) -> None:
        """Why no cashier may be opened for it."""

    def refuse_cancelling(self, order: Order, *, by: int) -> None:
        """Why user `by` may not cancel it."""

    def refuse_restoring(self, order: Order) -> None:
        """Why it cannot be restored once it has expired."""

    def is_late(self, order: Order, paid_at: datetime | None) -> bool:
        """Does money that was paid at `paid_at` come too late for it, though it is still unpaid?"""

    def remind(self, order_ids: Sequence[int], *, now: datetime) -> None:
        """The time to pay these is nearly over: tell their buyers."""

    def ended(self, order_ids: Sequence[int], status: Status, *, now: datetime) -> None:
        """These orders, locked and unpaid until now, were cancelled or expired (`status`)."""


class Shop:
    """Orders from the cart: they may be given up, restored and revived, and silence ends them."""

    may_revive = True

    @property
    def backstop(self) -> timedelta:
        """As the settings say: what is held cannot wait for a silent provider for ever."""
        return settings.ASK_BACKSTOP

    def lock(self, order_ids: Sequence[int]) -> None:
        """Nothing beyond what they hold, which is locked when it is given back."""

    def refuse_paying(self, order: Order) -> None:
        """They were whole when they were placed."""

    def refuse_cancelling(self, order: Order, *, by: int) -> None:
        """Whoever may see it may cancel it."""

    def refuse_restoring(self, order: Order) -> None:
        """`restoring` itself looks whether everything still stands."""

    def is_late(self, order: Order, paid_at: datetime | None) -> bool:
        """While it is unpaid, everything is still held for its buyer."""
        return False

    def remind(self, order_ids: Sequence[int], *, now: datetime) -> None:
        """What they hold goes back soon."""
        telling.tell("order.closing", order_ids, at=now)

    def ended(self, order_ids: Sequence[int], status: Status, *, now: datetime) -> None:
        """`releasing` gives back what they held."""


origins: Registry[Rules] = Registry("order origins", kinds=Origin.values)


def lock(orders: Iterable[Order]) -> None:
    """Lock what belongs to these locked orders, before their attempts."""
    elsewhere: dict[str, list[int]] = {}
    for order in orders:
        if order.origin != Origin.SHOP:
            elsewhere.setdefault(order.origin, []).append(order.pk)
    for origin, ids in sorted(elsewhere.items()):
        origins[origin].lock(ids)
