"""A draft becomes a published session: from then on time does the rest. Saving again moves the columns.

`publish` checks everything and gives each lot its `Bidding`; `change` and `change_lot` save what an operator
edits. What may still be changed is a short list that shrinks: at the preview, or while somebody has a
deposit, the rules of the sale are frozen, at the opening its times, at the first bid its words. A lot past
its opening is never touched by saving: only `extending` moves its end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction

from shigu import clock
from shigu.auctions import deposits, news
from shigu.auctions.checking import HORIZON, refuse_incomplete, refuse_lots, refuse_times
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.errors_life import FrozenNow, InThePast, NumberTaken, Promised, UnderHammer
from shigu.auctions.locks import locked_biddings_of, locked_session, locked_with_lots
from shigu.auctions.models import OPEN_STATES, Bidding, Lot, LotState, Session, SessionState
from shigu.kit.breakpoints import reached

MOMENTS = frozenset({"preview_from", "preview_until", "opens_at", "closes_at"})
TIMES = MOMENTS | {"stagger"}
WORDS = frozenset({"name_zh", "name_en", "story_zh", "story_en"})
LOOKS = frozenset({"cover", "motif", "tone", "video_url"})
RULES = frozenset(
    {
        *("soft_window", "soft_extension", "most_extensions", "deposit", "deposit_counts"),
        *("pay_seconds", "wild_steps", "slug", "made_by"),
    }
)
LOT_WORDS = WORDS | {"details"}
LOT_RULES = frozenset({"number", "sku", "start_price", "steps", "reserve", "deposit"})


def changeable(
    session: Session, now: datetime, *, bids: int, promised: bool = False
) -> frozenset[str]:
    """What an operator may still change of a session; `promised`: somebody has a deposit for it."""
    if session.state in (SessionState.ENDED, SessionState.WITHDRAWN):
        return LOOKS
    if bids:
        return LOOKS
    if session.state == SessionState.DRAFT or now < session.preview_from:
        return LOOKS | WORDS | TIMES | (frozenset() if promised else RULES)
    if now < session.opens_at:
        return LOOKS | WORDS | TIMES - {"preview_from"}
    return LOOKS | WORDS


def changeable_of_lot(
    session: Session, now: datetime, *, bids: int, promised: bool = False
) -> frozenset[str]:
    """What an operator may still change of one of its lots."""
    if bids or session.state in (SessionState.ENDED, SessionState.WITHDRAWN):
        return frozenset()
    if session.state == SessionState.DRAFT or now < session.preview_from:
        return LOT_WORDS | (frozenset() if promised else LOT_RULES)
    return LOT_WORDS


def is_promised(session: Session, now: datetime) -> bool:
    """Do its rules stand before the preview already, because somebody has a deposit?"""
    is_ahead = session.state != SessionState.DRAFT and now < session.preview_from
    return is_ahead and deposits.are_live(session.pk)


def publish(session_id: int) -> Session:
    """Let time do the rest; a NotComplete says what is missing. Saying it twice changes nothing.

    1. Lock the session; check its times and lots.
    2. A `Bidding` for each lot: what bids and the clock go by.
    3. It is due when its preview begins.
    """
    with transaction.atomic(durable=True):
        session = locked_session(session_id)
        reached("auctions.publish.locked")
        if session.state != SessionState.DRAFT:
            return session
        lots = list(session.lots.select_related("sku__product").order_by("number"))
        now = clock.now()
        refuse_incomplete(session, lots, now)
        _open_biddings(session, lots)
        session.state, session.due_at = SessionState.SCHEDULED, session.preview_from
        session.open_lots = len(lots)
        session.save(update_fields=["state", "due_at", "open_lots"])
        clock.hint("auctions.turn")
    return session


def change(session_id: int, changes: Mapping[str, object]) -> Session:
    """Save an edited session; FrozenNow names the first thing that stands. Nothing is half saved.

    1. Lock its biddings, then the session, read the clock and whether anybody has a deposit: who asks for
       one holds the session, too.
    2. Every changed field must be changeable, every changed time ahead and within reach.
    3. Check what that touches: times by themselves, rules with the lots that are not over. Looks and
       words touch neither, so that pictures can be saved when all is over.
    4. Move the times of its lots that are not open yet.
    """
    with transaction.atomic(durable=True):
        session, biddings = locked_with_lots(session_id)
        now = clock.now()
        may = partial(changeable, session, now, bids=sum(row.bids for row in biddings))
        changed = _assigned(session, changes, may)
        for name in MOMENTS & changed:
            HORIZON.refuse(getattr(session, name), now)
        if session.state != SessionState.DRAFT:
            _refuse_changed(session, changed, biddings, now)
        session.save(update_fields=sorted(changed))
        if changed & TIMES and session.state != SessionState.DRAFT:
            _move(session, biddings, now)
    return session


def change_lot(
    lot_id: int, changes: Mapping[str, object], add: Callable[[], object] | None = None
) -> Lot:
    """Save an edited lot, under the same locks.

    `add` adds to it when nothing else is refused any more; what it refuses leaves nothing of the rest.
    """
    session_id = Lot.objects.filter(pk=lot_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NoSuchLot
    with transaction.atomic(durable=True):
        session, found = locked_with_lots(session_id)
        biddings = {row.pk: row for row in found}
        lot = session.lots.select_related("sku__product").filter(pk=lot_id).first()
        if lot is None:  # taken out of its draft while the session was waited for
            raise NoSuchLot
        bids = biddings[lot_id].bids if lot_id in biddings else 0
        may = partial(changeable_of_lot, session, clock.now(), bids=bids)
        changed = _assigned(lot, changes, may)
        if "number" in changed:
            refuse_numbers(session, [lot.number])
        if lot_id in biddings and changed & LOT_RULES:
            refuse_lots(session, [lot])
        lot.save(update_fields=sorted(changed))
        if lot_id in biddings:
            _follow(biddings[lot_id], lot)
            if "number" in changed:
                _move(session, found, clock.now())
        if add:
            add()
    return lot


def add_lots(session_id: int, write: Callable[[Session], object] | None = None) -> int:
    """Lots written into a session that is published but not in preview yet join it; how many.

    `write` writes them under the locks, so that a refusal leaves nothing of them.
    """
    with transaction.atomic(durable=True):
        session, biddings = locked_with_lots(session_id)
        now = clock.now()
        if write:
            write(session)
        rows = session.lots.select_related("sku__product").exclude(
            pk__in=[row.pk for row in biddings]
        )
        fresh = list(rows.order_by("number"))
        if not fresh or session.state == SessionState.DRAFT:
            return 0
        if "number" not in changeable_of_lot(session, now, bids=0):
            raise FrozenNow(what=Session._meta.get_field("lots").related_model._meta.verbose_name)
        refuse_lots(session, fresh)
        _open_biddings(session, fresh)
        session.open_lots += len(fresh)
        session.save(update_fields=["open_lots"])
        _move(session, locked_biddings_of([session_id]), now)
    return len(fresh)


def refuse_numbers(session: Session, numbers: Collection[int]) -> None:
    """NumberTaken for those that a lot of the locked session has already."""
    if session.lots.filter(number__in=numbers).exists():
        raise NumberTaken


def closing_times(session: Session, lot_ids: Sequence[int]) -> dict[int, datetime]:
    """When each lot closes, in the order of their numbers: together, or one after the other."""
    apart = timedelta(seconds=session.stagger)
    return {pk: session.closes_at + nth * apart for nth, pk in enumerate(lot_ids)}


def _open_biddings(session: Session, lots: Sequence[Lot]) -> None:
    ends = closing_times(session, [lot.pk for lot in lots])
    rows = [
        Bidding(
            lot=lot,
            session_id=session.pk,
            sku_id=lot.sku_id,
            state=LotState.PREVIEW,
            opens_at=session.opens_at,
            closes_at=ends[lot.pk],
            due_at=ends[lot.pk],
        )
        for lot in lots
    ]
    try:
        with transaction.atomic():
            Bidding.objects.bulk_create(rows)
    except IntegrityError:  # another session took one of these things a moment ago
        raise UnderHammer(name=", ".join(lot.name for lot in lots)) from None


def _assigned(
    row: Session | Lot, changes: Mapping[str, object], may: Callable[..., Collection[str]]
) -> frozenset[str]:
    """Put the changes on the row; the names of those that change something."""
    changed = frozenset(name for name, value in changes.items() if getattr(row, name) != value)
    promised = deposits.are_live(row.pk if isinstance(row, Session) else row.session_id)
    reached("auctions.change.looked")
    if frozen := sorted(changed - set(may(promised=promised))):
        refusal = Promised if frozen[0] in may(promised=False) else FrozenNow
        raise refusal(what=row._meta.get_field(frozen[0]).verbose_name)  # type: ignore[union-attr]
    for name in changed:
        setattr(row, name, changes[name])
    return changed


def _refuse_changed(
    session: Session, changed: Collection[str], biddings: Sequence[Bidding], now: datetime
) -> None:
    if any(getattr(session, name) < now for name in MOMENTS & set(changed)):
        raise InThePast
    if TIMES & set(changed):
        refuse_times(session, now)
    if RULES & set(changed):
        # One that was withdrawn may be listed in another session by now; it is no lot of this one any more.
        standing = [row.pk for row in biddings if row.state in OPEN_STATES]
        lots = session.lots.select_related("sku__product").filter(pk__in=standing)
        refuse_lots(session, list(lots.order_by("number")))


def _move(session: Session, biddings: Sequence[Bidding], now: datetime) -> None:
    """The columns follow the saved times, but for lots whose opening has come."""
    order = session.lots.order_by("number").values_list("pk", flat=True)
    ends = closing_times(session, list(order))
    waiting = [row for row in biddings if row.due_at and now < row.opens_at]
    for row in waiting:
        row.opens_at, row.closes_at, row.due_at = session.opens_at, ends[row.pk], ends[row.pk]
        row.version += 1
    Bidding.objects.bulk_update(waiting, ["opens_at", "closes_at", "due_at", "version"])
    _set_due(session)
    news.changed([row.pk for row in waiting])


def _set_due(session: Session) -> None:
    """A session's next moment: preview, opening. Its end is brought by its last lot."""
    moments = {
        SessionState.SCHEDULED: session.preview_from,
        SessionState.PREVIEW: session.opens_at,
    }
    if session.open_lots and session.state in moments:
        session.due_at = moments[SessionState(session.state)]
        session.save(update_fields=["due_at"])
        clock.hint("auctions.turn")


def _follow(bidding: Bidding, lot: Lot) -> None:
    if bidding.sku_id != lot.sku_id:
        try:
            with transaction.atomic():
                Bidding.objects.filter(pk=bidding.pk).update(sku_id=lot.sku_id)
        except IntegrityError:
            raise UnderHammer(name=lot.name) from None
