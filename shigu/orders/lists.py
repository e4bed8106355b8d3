"""My orders: tabs with counts, one page of orders with their lines, each in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from shigu.orders.models import Order, Status

TABS: Mapping[str, Q] = {
    "all": Q(),
    "unpaid": Q(status=Status.UNPAID),
    "paid": Q(status=Status.PAID, refunding_at=None),
    "cancelled": Q(status=Status.CANCELLED),
    "expired": Q(status=Status.EXPIRED),
    "refunds": Q(status=Status.REFUNDED) | Q(refunding_at__isnull=False),
}


def mine(user_id: int, tab: str = "all") -> QuerySet[Order]:
    """A buyer's orders of one tab, newest first; KeyError for a tab that does not exist."""
    return (
        Order.objects.filter(TABS[tab], user_id=user_id, hidden=False)
        .select_related("shipment", "grant__coupon")
        .prefetch_related("lines__product__category", "events")
        .order_by("-pk")
    )


def payable(user_id: int, now: datetime) -> Order | None:
    """The last order that still waits for its payment, alone: what somebody tops up for."""
    rows = Order.objects.filter(user_id=user_id, status=Status.UNPAID, pay_by__gt=now)
    return rows.order_by("-pk").first()


def counts(user_id: int) -> dict[str, int]:
    """How many orders each tab shows, in one query."""
    figures = {name: Count("pk", filter=q) for name, q in TABS.items() if q}
    found = Order.objects.filter(user_id=user_id, hidden=False).aggregate(
        all=Count("pk"), **figures
    )
    return {name: found[name] for name in TABS}
