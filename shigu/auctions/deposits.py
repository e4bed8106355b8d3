"""Somebody wants to be admitted: a `Deposit` for one lot or for a whole session, to be paid like anything.

`ask_for_lot` and `ask_for_session` make it, `settle` says what its money does, `lapse` ends one that nobody
paid. One is pending or held per person and lot (or session): the database says so, and whoever asks again
gets that one. What becomes of a held one is `deciding_deposits`' to say. Money in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.formats import localize
from django.utils.timezone import localtime

from shigu import clock
from shigu.auctions.errors import (
    BadKey,
    DefaultedHere,
    DepositBarred,
    DepositClosed,
    DepositOfTheHouse,
    FreeToBid,
    NoSessionDeposit,
)
from shigu.auctions.house import is_of_house
from shigu.auctions.locks import shared_session
from shigu.auctions.models import (
    LIVE_DEPOSITS,
    OPEN_STATES,
    Ban,
    Bidding,
    Deposit,
    DepositState,
    Lot,
    Session,
)
from shigu.auctions.relisting import defaulters
from shigu.kit.breakpoints import reached
from shigu.kit.money import Fen
from shigu.payments.models import Attempt, Why
from shigu.payments.purposes import Applied, Returned, Verdict

DRAW = "SELECT shigu_clock(), nextval(pg_get_serial_sequence('auctions_deposit', 'id'))"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a deposit admits to: one lot or, with `lot_id` None, all lots of the session."""

    session_id: int
    lot_id: int | None = None

    @property
    def rows(self) -> Q:
        """Deposits for exactly this."""
        return Q(session_id=self.session_id, lot_id=self.lot_id)

    def is_open(self, now: datetime) -> bool:
        """May something behind it still be bid on? Read from the lots' own columns, never from who closed."""
        lots = Bidding.objects.filter(session_id=self.session_id, state__in=OPEN_STATES)
        if self.lot_id is not None:
            lots = lots.filter(lot_id=self.lot_id)
        return lots.filter(closes_at__gt=now).exists()


def ask_for_lot(user_id: int, lot_id: int, *, key: str) -> Deposit:
    """A deposit for one lot. FreeToBid where none is asked for; Lot.DoesNotExist."""
    session_id = Lot.objects.values_list("session_id", flat=True).get(pk=lot_id)
    return _ask_for(Gate(session_id, lot_id), user_id, key[:64])


def ask_for_session(user_id: int, session_id: int, *, key: str) -> Deposit:
    """A deposit for all lots of a session. NoSessionDeposit where there is none; Session.DoesNotExist."""
    return _ask_for(Gate(session_id), user_id, key[:64])


def are_live(session_id: int) -> bool:
    """Is any deposit for it or its lots asked for or held? Its rules were promised to somebody then."""
    return Deposit.objects.filter(session=session_id, state__in=LIVE_DEPOSITS).exists()


def _ask_for(gate: Gate, user_id: int, key: str) -> Deposit:
    """1. The same key is the same deposit. 2. Hold the session's rules, so that none changes under it.

    3. Draw time and id; what is over or barred is refused. 4. An earlier one whose time is over makes room.
    5. Insert; whoever else asked for this meanwhile, in another tab, has made it already, and that one is
    the answer.
    """
    mine = Deposit.objects.filter(user_id=user_id)
    with transaction.atomic(durable=True):
        if found := mine.filter(key=key).first():
            return _same(found, gate)
        amount = _amount(gate, shared_session(gate.session_id))
        with connection.cursor() as cursor:
            cursor.execute(DRAW)
            now, pk = cursor.fetchone()
        refuse(gate, user_id, now)
        _make_room(gate, user_id, now)
        reached("auctions.deposit.asking")
        fresh = Deposit(
            pk=pk,
            number=_number(user_id, pk, now),
            user_id=user_id,
            session_id=gate.session_id,
            lot_id=gate.lot_id,
            amount=amount,
            key=key,
            asked_at=now,
            pay_by=now + settings.PAY_WINDOW,
            due_at=now + settings.PAY_WINDOW,
        )
        Deposit.objects.bulk_create([fresh], ignore_conflicts=True)
        found = mine.filter(key=key).first() or mine.filter(gate.rows).order_by("state", "-pk")[0]
        return _same(found, gate)


def _amount(gate: Gate, session: Session) -> Fen:
    """What is asked for, read under the session's lock; FreeToBid, NoSessionDeposit."""
    if gate.lot_id is None:
        if not session.deposit:
            raise NoSessionDeposit
        return session.deposit
    amount: Fen = Lot.objects.values_list("deposit", flat=True).get(pk=gate.lot_id)
    if not amount:
        raise FreeToBid
    return amount


def _same(deposit: Deposit, gate: Gate) -> Deposit:
    """A key that was used for something else belongs to a page that was left open."""
    if (deposit.session_id, deposit.lot_id) != (gate.session_id, gate.lot_id):
        raise BadKey
    return deposit


def refuse(gate: Gate, user_id: int, now: datetime) -> None:
    """Where money would only have to go back: closed, barred, of the house, defaulted on this very lot."""
    if not gate.is_open(now):
        raise DepositClosed
    if until := barred_until(user_id, now):
        raise DepositBarred(until=localize(localtime(until)))
    if is_of_house(user_id, gate.session_id):
        raise DepositOfTheHouse
    if gate.lot_id is not None and user_id in defaulters(gate.lot_id):
        raise DefaultedHere


def barred_until(user_id: int, now: datetime) -> datetime | None:
    """Until when somebody may not bid; None: they may."""
    bans = Ban.objects.filter(user_id=user_id, lifted_at=None, until__gt=now)
    return bans.order_by("-until").values_list("until", flat=True).first()


def _make_room(gate: Gate, user_id: int, now: datetime) -> None:
    """What the clock has not got round to must not stand in the way of a new one."""
    over = Deposit.objects.filter(gate.rows, user_id=user_id, state=DepositState.PENDING)
    rows = over.filter(due_at__lte=now).order_by("pk").select_for_update(no_key=True)
    if ids := list(rows.values_list("pk", flat=True)):
        lapse(ids, now=now)


def _number(user_id: int, pk: int, now: datetime) -> str:
    """`8`, the day, the person and the id: no order's number and no top-up's."""
    day = now.astimezone(ZoneInfo(settings.TIME_ZONE)).strftime("%Y%m%d")
    return f"8{day}{user_id:04d}{pk:06d}"


@clock.rings(
    Deposit,
    due="due_at",
    among=Q(state=DepositState.PENDING),
    urgency="order",
    name="auctions.lapse",
)
def lapse(deposit_ids: list[int], *, now: datetime) -> int:
    """End deposits that nobody paid in time; a payment that comes all the same goes back."""
    reached("auctions.lapse.claimed")
    rows = Deposit.objects.filter(pk__in=deposit_ids, state=DepositState.PENDING)
    return rows.update(state=DepositState.LAPSED, due_at=None, decide_at=None, ended_at=now)


def settle(attempt: Attempt, deposit: Deposit, now: datetime) -> Verdict:
    """Hold the money, or send it back at once: paid twice, lapsed, nothing left to bid on, or barred.

    The deposit is locked; lots and bars are read in statements of their own, after it.
    """
    if deposit.attempt_id is not None or attempt.amount != deposit.amount:
        return Returned(Why.SURPLUS)
    if deposit.state != DepositState.PENDING:
        return Returned(Why.DEPOSIT)
    gate = Gate(deposit.session_id, deposit.lot_id)
    reached("auctions.deposit.settling")
    if not gate.is_open(now) or barred_until(deposit.user_id, now):
        lapse([deposit.pk], now=now)
        return Returned(Why.DEPOSIT)
    deposit.state, deposit.due_at = DepositState.HELD, None
    deposit.attempt_id, deposit.paid_at = attempt.pk, now
    deposit.save(update_fields=["state", "due_at", "attempt_id", "paid_at"])
    return Applied()
