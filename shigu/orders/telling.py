"""Buyers are told what became of their orders: `tell(event, ids)` in the transaction of the event.

One statement for any number of orders; their round is part of the key, so an order that lapses, is restored
and lapses again tells it twice, each once. What the notices say is in `letters`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from shigu.notices import outbox
from shigu.notices.outbox import Told
from shigu.payments.models import Refund

BUYERS = """
SELECT user_id, id, round, jsonb_build_object('pay_by', pay_by)
  FROM orders_order WHERE id = ANY(%(orders)s::bigint[])
"""


def tell(event: str, order_ids: Collection[int], *, at: datetime) -> int:
    """The buyers of these orders hear of it; how many notices that made."""
    return outbox.tell_from(event, BUYERS, {"orders": list(order_ids)}, at=at)


def tell_returned(refunds: Sequence[Refund], *, at: datetime) -> int:
    """Money that came in vain is back at its buyers."""
    told = [
        Told(
            refund.attempt.user_id,
            refund.pk,
            facts={
                "order": refund.attempt.subject_id,
                "amount": refund.amount,
                "why": refund.why,
                "provider": refund.attempt.provider,
            },
        )
        for refund in refunds
    ]
    return outbox.tell("order.returned", told, at=at)
