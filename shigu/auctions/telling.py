"""Winners, owners of deposits and bidders are told what became of it: one statement each, with the event.

What the notices say is in `letters` and `letters_changed`; who lost the lead and whose lot ends soon is
`announcing`'s.
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

# Who cares for a lot: whoever bid on it as valid, or holds a deposit for it alone.
CARES = """
    SELECT bidder_id FROM auctions_bid WHERE lot_id = {lot} AND verdict IN ('accepted', 'raised')
     UNION
    SELECT user_id FROM auctions_deposit WHERE lot_id = {lot} AND state = 1
"""

MOVED = f"""
SELECT who.user_id, x.id, 0,
       jsonb_build_object('lot', x.lot_id, 'closes_at', x.closes_at, 'why', x.why)
  FROM auctions_extension x CROSS JOIN LATERAL ({CARES.format(lot="x.lot_id")}) AS who(user_id)
 WHERE x.lot_id = ANY(%(lots)s::bigint[]) AND x.at = %(at)s
"""

WITHDRAWN = f"""
SELECT who.user_id, l.id, 0, '{{}}'::jsonb
  FROM unnest(%(lots)s::bigint[]) AS l(id)
 CROSS JOIN LATERAL ({CARES.format(lot="l.id")}) AS who(user_id)
"""

# Once each, however many of its lots they bid on; with who holds a deposit for any of it.
WITHDRAWN_ALL = f"""
SELECT who.user_id, %(session)s::bigint, 0, '{{}}'::jsonb
  FROM (SELECT who.user_id FROM unnest(%(lots)s::bigint[]) AS l(id)
         CROSS JOIN LATERAL ({CARES.format(lot="l.id")}) AS who(user_id)
         UNION
        SELECT user_id FROM auctions_deposit
         WHERE session_id = %(session)s AND lot_id IS NULL AND state = 1) AS who
"""


def awarded(event: str, order_ids: Collection[int], *, at: datetime) -> int:
    """The winners of these orders hear of it: `lot.won`, `lot.offered`, `lot.pay-by`."""
    return outbox.tell_from(event, WINNERS, {"orders": list(order_ids)}, at=at)


def lapsed(award_ids: Collection[int], *, at: datetime) -> int:
    """These were not paid in time."""
    return outbox.tell_from("lot.lapsed", AWARDED, {"awards": list(award_ids)}, at=at)


def taken_back(award_ids: Collection[int], *, at: datetime) -> int:
    """An operator took these back from their winners before they were paid."""
    return outbox.tell_from("lot.taken-back", AWARDED, {"awards": list(award_ids)}, at=at)


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


def moved(lot_ids: Collection[int], *, at: datetime) -> int:
    """The ends of these lots were moved at this moment, by an operator or an outage."""
    return outbox.tell_from("lot.moved", MOVED, {"lots": list(lot_ids)}, at=at)


def withdrawn(lot_ids: Collection[int], *, at: datetime) -> int:
    """These lots were taken out."""
    return outbox.tell_from("lot.withdrawn", WITHDRAWN, {"lots": list(lot_ids)}, at=at)


def session_withdrawn(session_id: int, lot_ids: Collection[int], *, at: datetime) -> int:
    """A session was taken out, with these of its lots."""
    values = {"session": session_id, "lots": list(lot_ids)}
    return outbox.tell_from("session.withdrawn", WITHDRAWN_ALL, values, at=at)
