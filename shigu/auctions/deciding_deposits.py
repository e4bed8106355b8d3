"""A deposit whose time has come is decided: some of it is forfeited, the rest goes back, or it waits on.

`decide_deposits` is called by the clock with deposits it has just locked. Whatever happened to lots only
said "look" (`waking`), so here everything is read again, in statements that began after the lock: what is
over, which awards the deposit covers, how they ended. `decision` is the whole rule, and pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from shigu import clock
from shigu.auctions import forfeiting, telling
from shigu.auctions.forfeiting import Forfeit
from shigu.auctions.models import Award, AwardState, Deposit, DepositState
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen
from shigu.payments.models import Why
from shigu.payments.refunding import give_back_all


@dataclass(frozen=True, slots=True)
class Held:
    """A held deposit as read under its lock; `is_over`: nothing it admits to can be bid on any more."""

    pk: int
    attempt_id: int
    left: Fen
    is_for_one_lot: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class Covered:
    """One award that a deposit covers; `share` is what the lot may take of a session's deposit.

    `counted` was promised to its price and is kept for it while it is to be paid.
    """

    award_id: int
    state: AwardState
    share: Fen
    counted: Fen
    is_forfeited: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is forfeited, what goes back, and whether anything is still to come."""

    deposit: Held
    forfeits: Sequence[Forfeit]
    back: Fen
    is_last: bool


def decision(deposit: Held, awards: Sequence[Covered]) -> Decision:
    """Decide one deposit; `awards` in the order of their deadlines, then of their lots.

    1. An award that was not paid in time takes its share of what is left, all of it from a lot's own
       deposit; but only when every award before it is decided.
    2. Nothing left, or all over and no award open: what is left goes back, and this was the last word.
    """
    left, forfeits, waits = deposit.left, list[Forfeit](), False
    kept = sum(one.counted for one in awards if one.state == AwardState.PENDING)
    for award in awards:
        if award.state == AwardState.PENDING:
            waits = True
        elif award.state == AwardState.OVERDUE and not award.is_forfeited and not waits:
            amount = left if deposit.is_for_one_lot else min(left - kept, award.share)
            left -= amount
            if amount:
                forfeits.append(Forfeit(award.award_id, deposit.pk, amount))
    is_last = not left or (deposit.is_over and not waits)
    return Decision(deposit, forfeits, left if is_last else 0, is_last)


@clock.rings(
    Deposit,
    due="decide_at",
    among=Q(state=DepositState.HELD),
    urgency="order",
    name="auctions.decide_deposits",
)
def decide_deposits(deposit_ids: list[int], *, now: datetime) -> int:
    """Decide held deposits, locked by the claim.

    1. Read what they admit to and the awards they cover: after the lock, so that of two outcomes at the
       same moment the later one is seen, or wakes the deposit again.
    2. Forfeits: from the deposit to the house, once per award.
    3. What is left goes back by the way it came, as one refund.
    4. Write it down; nothing is due until the next outcome says so. Who lost something is told.
    """
    reached("auctions.deposits.claimed")
    deposits = _held(deposit_ids)
    awards = _covered(deposit_ids)
    decisions = [decision(deposit, awards[deposit.pk]) for deposit in deposits]
    reached("auctions.deposits.decided")
    forfeits = [one for found in decisions for one in found.forfeits]
    forfeiting.forfeit(forfeits, now=now)
    reached("auctions.deposits.forfeited")
    back = {found.deposit.attempt_id: found.back for found in decisions if found.back}
    give_back_all(back, Why.DEPOSIT, now=now)
    reached("auctions.deposits.refunding")
    _write(decisions, now)
    if forfeits:
        telling.forfeited(forfeits, at=now)
    return len(decisions)


# Over: every lot it admits to has its outcome. Read from the lots, and for a session from its end.
HELD = """
SELECT d.id, d.attempt_id, d.amount - d.returned - d.forfeited - d.applied, d.lot_id IS NOT NULL,
       CASE WHEN d.lot_id IS NULL THEN s.state IN (4, 5) ELSE b.state NOT IN (0, 1, 2) END
  FROM auctions_deposit d
  JOIN auctions_session s ON s.id = d.session_id
  LEFT JOIN auctions_bidding b ON b.lot_id = d.lot_id
 WHERE d.id = ANY(%s::bigint[]) AND d.state = 1 ORDER BY d.id
"""


def _held(ids: Sequence[int]) -> list[Held]:
    with connection.cursor() as cursor:
        cursor.execute(HELD, [list(ids)])
        return [Held(*row) for row in cursor.fetchall()]


def _covered(ids: Sequence[int]) -> Mapping[int, list[Covered]]:
    found = defaultdict(list)
    rows = Award.objects.filter(deposit_id__in=ids).order_by("pay_by", "lot_id", "pk")
    fields = ("deposit_id", "pk", "state", "lot__deposit", "counted", "forfeited")
    for deposit_id, pk, state, share, counted, forfeited in rows.values_list(*fields):
        found[deposit_id].append(Covered(pk, AwardState(state), share, counted, forfeited > 0))
    return found


WRITE = """
UPDATE auctions_deposit d
   SET returned = d.returned + v.back, forfeited = d.forfeited + v.forfeited, decide_at = NULL,
       state = CASE WHEN v.is_last THEN 2 ELSE d.state END,
       ended_at = CASE WHEN v.is_last THEN %(now)s END
  FROM unnest(%(ids)s::bigint[], %(back)s::bigint[], %(forfeited)s::bigint[], %(last)s::boolean[])
    AS v(id, back, forfeited, is_last)
 WHERE d.id = v.id
"""


def _write(decisions: Sequence[Decision], now: datetime) -> None:
    """The rows are locked by the claim, in whatever order they were due."""
    columns: dict[str, Any] = {
        "ids": [one.deposit.pk for one in decisions],
        "back": [one.back for one in decisions],
        "forfeited": [sum(forfeit.amount for forfeit in one.forfeits) for one in decisions],
        "last": [one.is_last for one in decisions],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, columns)
