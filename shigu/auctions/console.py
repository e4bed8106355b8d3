"""What an operator sees of a running session: every lot as it stands, and where the deposits' money is.

`console(session, now)` asks a fixed number of queries. Money is read from the ledger: what is held is the
sum of the deposits' own accounts, what is under way the refunds that are being sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shigu.accounts.models import User
from shigu.auctions.lists import with_offers
from shigu.auctions.models import Award, Bidding, Deposit, Lot, LotState, Paddle, Session
from shigu.kit.money import Fen
from shigu.ledger import posting
from shigu.ledger.models import Book, account
from shigu.payments.models import Refund, RefundState, Why

COLOURS = {
    LotState.LIVE: "live",
    LotState.PREVIEW: "wait",
    LotState.SOLD: "wait",
    LotState.PAID: "good",
    LotState.OVERDUE: "bad",
}


@dataclass(slots=True)
class Money:
    """Of deposits, in fen, as the ledger has it: `held`, and `returning` while it is under way."""

    count: int = 0
    held: Fen = 0
    returning: Fen = 0
    forfeited: Fen = 0
    applied: Fen = 0

    def add(self, deposit: Deposit, held: Fen, returning: Fen) -> None:
        self.count += held > 0
        self.held += held
        self.returning += returning
        self.forfeited += deposit.forfeited
        self.applied += deposit.applied


@dataclass(frozen=True, slots=True)
class Row:
    """One lot; `holder` leads, got it, or has its second chance, at `price`."""

    lot: Lot
    bidding: Bidding | None
    is_open: bool
    word: str
    colour: str
    holder: str
    paddle: int | None
    price: Fen | None
    deposits: Money
    award: Award | None


@dataclass(slots=True)
class Console:
    """A whole session; `whole` is of deposits for all of its lots, `every` of all deposits."""

    rows: list[Row]
    whole: Money = field(default_factory=Money)
    every: Money = field(default_factory=Money)
    hammer: Fen = 0
    bids: int = 0

    @property
    def is_moving(self) -> bool:
        """Will something change by itself?"""
        return any(row.bidding and row.bidding.due_at for row in self.rows) or bool(
            self.every.held or self.every.returning
        )


def console(session: Session, now: datetime) -> Console:
    """Everything at once, as of now."""
    rows = session.lots.select_related("bidding", "session").order_by("number")
    lots = list(with_offers(rows))
    by_lot, found = _money(session)
    awards = {
        award.lot_id: award
        for award in Award.objects.filter(lot__session=session)
        .select_related("order")
        .order_by("pk")
    }
    holders = {who for lot in lots if (who := _holder(lot))}
    names = dict(User.objects.filter(pk__in=holders).values_list("pk", "username"))
    paddles = dict(
        Paddle.objects.filter(session=session, user_id__in=holders).values_list("user_id", "number")
    )
    found.rows = [
        _row(lot, now, (names, paddles), by_lot.get(lot.pk, Money()), awards.get(lot.pk))
        for lot in lots
    ]
    found.hammer = sum(row.bidding.hammer or 0 for row in found.rows if row.bidding)
    found.bids = sum(row.bidding.bids for row in found.rows if row.bidding)
    return found


def _money(session: Session) -> tuple[Mapping[int, Money], Console]:
    """Deposits of each lot, of the whole session, and of both."""
    deposits = list(Deposit.objects.filter(session=session).exclude(paid_at=None))
    held = posting.balances([account(Book.DEPOSIT, one.pk) for one in deposits])
    going = _returning(deposits)
    by_lot: dict[int, Money] = defaultdict(Money)
    found = Console([])
    for one in deposits:
        part = found.whole if one.lot_id is None else by_lot[one.lot_id]
        for money in (part, found.every):
            money.add(one, held[account(Book.DEPOSIT, one.pk)], going.get(one.pk, 0))
    return by_lot, found


def _returning(deposits: Sequence[Deposit]) -> Mapping[int, Fen]:
    rows = Refund.objects.filter(
        why=Why.DEPOSIT,
        attempt__purpose="deposit",
        attempt__subject_id__in=[one.pk for one in deposits],
    ).exclude(state=RefundState.SENT)
    going: dict[int, Fen] = defaultdict(int)
    for deposit_id, amount in rows.values_list("attempt__subject_id", "amount"):
        going[deposit_id] += amount
    return going


def _row(
    lot: Lot,
    now: datetime,
    people: tuple[Mapping[int, str], Mapping[int, int]],
    deposits: Money,
    award: Award | None,
) -> Row:
    bidding = _bidding(lot)
    holder = _holder(lot)
    state = LotState(bidding.state if bidding else LotState.DRAFT)
    if bidding and bidding.is_open(now):
        state = LotState.LIVE
    return Row(
        lot=lot,
        bidding=bidding,
        is_open=state == LotState.LIVE,
        word=str(state.label),
        colour=COLOURS.get(state, "rest"),
        holder=people[0].get(holder, ""),
        paddle=people[1].get(holder),
        price=lot.again_price or (bidding.price if bidding else None),
        deposits=deposits,
        award=award,
    )


def _holder(lot: Lot) -> int:
    """Who is shown (0 for nobody); not the defaulter once a second chance stands."""
    bidding = _bidding(lot)
    return lot.again_user_id or (bidding and bidding.leader_id) or 0


def _bidding(lot: Lot) -> Bidding | None:
    """None for a lot that is not published."""
    found: Bidding | None = getattr(lot, "bidding", None)
    return found
