"""Winners and owners of deposits are told what became of it: one statement each, in the event's transaction.

What the notices say is in `letters`; who lost the lead and whose lot ends soon is `announcing`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from shigu.auctions.forfeiting import Forfeit
from shigu.notices import outbox
from shigu.notices.outbox import Told
from shigu.payments.models import Refund

WINNERS = """
SELECT user_id, id, 0, jsonb_build_object('pay_by', pay_by)
  FROM auctions_award WHERE order_id = ANY(%(orders)s::bigint[])
"""

AWARDED = """
SELECT user_id, id, 0, jsonb_build_object('pay_by', pay_by)
  FROM auctions_award WHERE id = ANY(%(awards)s::bigint[])
"""

OWNERS = """
SELECT a.user_id, a.id, 0, jsonb_build_object('amount', f.amount, 'deposit', f.deposit_id)
  FROM unnest(%(awards)s::bigint[], %(deposits)s::bigint[], %(amounts)s::bigint[])
    AS f(award_id, deposit_id, amount)
  JOIN auctions_award a ON a.id = f.award_id
"""


def awarded(event: str, order_ids: Collection[int], *, at: datetime) -> int:
    """The winners of these orders hear of it: `lot.won`, `lot.offered`, `lot.pay-by`."""
    return outbox.tell_from(event, WINNERS, {"orders": list(order_ids)}, at=at)


def lapsed(award_ids: Collection[int], *, at: datetime) -> int:
    """These were not paid in time."""
    return outbox.tell_from("lot.lapsed", AWARDED, {"awards": list(award_ids)}, at=at)


def forfeited(forfeits: Sequence[Forfeit], *, at: datetime) -> int:
    """Something of these people's deposits was taken, once for each award."""
    columns = {
        "awards": [one.award_id for one in forfeits],
        "deposits": [one.deposit_id for one in forfeits],
        "amounts": [one.amount for one in forfeits],
    }
    return outbox.tell_from("deposit.forfeited", OWNERS, columns, at=at)


def returned(refunds: Sequence[Refund], *, at: datetime) -> int:
    """Money of deposits is back where it came from."""
    told = [
        Told(
            refund.attempt.user_id,
            refund.pk,
            facts={
                "deposit": refund.attempt.subject_id,
                "amount": refund.amount,
                "why": refund.why,
                "provider": refund.attempt.provider,
            },
        )
        for refund in refunds
    ]
    return outbox.tell("deposit.returned", told, at=at)
