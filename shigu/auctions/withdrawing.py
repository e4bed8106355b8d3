"""An operator withdraws a lot, or a whole session, with a reason that bidders read; deposits are decided.

What is over stays as it is: a lot whose end has passed has its winner, whoever closes it when. Of a session
that is withdrawn, lots sold before keep their awards.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from shigu import clock
from shigu.auctions import beating, news, telling, waking
from shigu.auctions.closing import count
from shigu.auctions.errors_life import NotOpen, NotWithdrawable, SayWhy
from shigu.auctions.locks import locked_biddings, locked_with_lots
from shigu.auctions.models import OPEN_STATES, Bidding, Lot, LotState, Session, SessionState
from shigu.kit.breakpoints import reached

STANDING = (SessionState.SCHEDULED, SessionState.PREVIEW, SessionState.LIVE)


def withdraw_lot(lot_id: int, *, why: str) -> Lot:
    """Take one lot out; its bids count no more. SayWhy, NotOpen; nothing changes then.

    1. Lock the lot, read the clock; past its end it is sold or passed in.
    2. Its state, its session's counts, the reason. 3. Deposits for it are to be decided, and who cares for
    it is told.
    """
    reason = _reason(why)
    with transaction.atomic(durable=True):
        biddings = locked_biddings([lot_id])
        reached("auctions.withdraw.locked")
        now = clock.now()
        if not (going := _open(biddings, now)):
            raise NotOpen
        _withdraw(going, reason, now)
        waking.of_lots([lot_id], now=now)
        telling.withdrawn([lot_id], at=now)
    return Lot.objects.get(pk=lot_id)


def withdraw_session(session_id: int, *, why: str) -> Session:
    """Take a session out, with all of its lots that are not over. SayWhy, NotWithdrawable.

    1. Lock its lots, then the session. 2. Its lots that are open or to come. 3. All its deposits are to be
    decided; those that stand for lots sold before wait for their awards. 4. Everybody in it is told, once.
    """
    reason = _reason(why)
    with transaction.atomic(durable=True):
        session, biddings = locked_with_lots(session_id)
        now = clock.now()
        if session.state not in STANDING:
            raise NotWithdrawable
        going = _open(biddings, now)
        if len(going) < sum(row.state in OPEN_STATES for row in biddings):
            raise NotWithdrawable  # a lot's end has passed: it is the clock's, first
        _withdraw(going, reason, now)
        session.refresh_from_db()
        session.state, session.due_at, session.ended_at = SessionState.WITHDRAWN, None, now
        session.withdrawn_why = reason
        session.save(update_fields=["state", "due_at", "ended_at", "withdrawn_why"])
        beating.told()
        waking.of_sessions([session_id], now=now)
        telling.session_withdrawn(session_id, [row.pk for row in going], at=now)
    return session


def _reason(why: str) -> str:
    if not (reason := why.strip()[:200]):
        raise SayWhy
    return reason


def _open(biddings: Sequence[Bidding], now: datetime) -> list[Bidding]:
    return [row for row in biddings if row.state in OPEN_STATES and now < row.closes_at]


def _withdraw(biddings: Sequence[Bidding], reason: str, now: datetime) -> None:
    ids = [row.pk for row in biddings]
    for row in biddings:
        row.state, row.due_at, row.version = LotState.WITHDRAWN, None, row.version + 1
        row.ended_at = max(now, row.decided_at or now)
    Bidding.objects.bulk_update(biddings, ["state", "due_at", "ended_at", "version"])
    Lot.objects.filter(pk__in=ids).update(withdrawn_why=reason)
    count(ids, now=now)
    news.changed(ids)
