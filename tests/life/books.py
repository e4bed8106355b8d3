"""What the ledger says of an order's money: `booked` of a kind, and `withheld_from` a refund."""

from __future__ import annotations

from shigu.ledger.models import Event, Transfer
from shigu.orders.credits import worth
from shigu.orders.models import Order


def booked(kind: Event, *subjects: int) -> int:
    """In fen: what the ledger has of this kind for these subjects."""
    found = Transfer.objects.filter(kind=kind, subject__in=subjects)
    return sum(found.values_list("amount", flat=True))


def withheld_from(order: Order) -> int:
    """In fen: credits that it earned, were spent before its refund, and could not be taken back."""
    return worth(order.earned - booked(Event.TAKE_BACK, order.pk))
