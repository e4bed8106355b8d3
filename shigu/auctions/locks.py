"""Every lock that auctions take, in the order of `docs/locking.md`: order, bidding, session, deposit.

Each is a statement of its own, by pk within; what is decided from them is read in the next one. Bids and
endings of a lot meet at its `Bidding`; the clock is read after it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from django.db import transaction
from django.db.models import QuerySet

from shigu.auctions.errors_life import NoSuchSession
from shigu.auctions.models import Award, Bidding, Deposit, Lot, Session

SHARED = "SELECT * FROM auctions_session WHERE id = %s FOR SHARE"


def locked_biddings(lot_ids: Collection[int]) -> list[Bidding]:
    """How these lots stand, locked in pk order until the transaction ends."""
    rows = Bidding.objects.select_for_update(no_key=True).filter(pk__in=lot_ids)
    return list(rows.order_by("pk"))


def locked_biddings_of(session_ids: Collection[int]) -> list[Bidding]:
    """The same for all lots of these sessions."""
    rows = Bidding.objects.select_for_update(no_key=True).filter(session_id__in=session_ids)
    return list(rows.order_by("pk"))


def locked_with_lots(session_id: int) -> tuple[Session, list[Bidding]]:
    """A session with all of its lots: once more where some joined it while it was waited for."""
    while True:
        with suppress(_Joined), transaction.atomic():
            biddings = locked_biddings_of([session_id])
            session = locked_session(session_id)
            if Bidding.objects.filter(session_id=session_id).count() > len(biddings):
                raise _Joined  # the savepoint lets go of what was locked, so that the order holds
            return session, biddings


class _Joined(Exception):
    """There are more lots than were locked."""


def locked_session(session_id: int) -> Session:
    """One of them; NoSuchSession where it was a draft and is gone."""
    if not (found := locked_sessions([session_id])):
        raise NoSuchSession
    return found[0]


def locked_lots(rows: QuerySet[Lot]) -> dict[int, int]:
    """Lots of a locked draft, to be removed, with their SKUs: no `Bidding` stands for them yet."""
    return dict(rows.select_for_update().order_by("pk").values_list("pk", "sku_id"))


def locked_sessions(ids: Collection[int]) -> list[Session]:
    """These sessions, after their biddings."""
    return list(Session.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def shared_session(session_id: int) -> Session:
    """A session whose rules nobody changes until the transaction ends; many may hold it so at once.

    Session.DoesNotExist.
    """
    if not (found := list(Session.objects.raw(SHARED, [session_id]))):
        raise Session.DoesNotExist
    return found[0]


def locked_deposits(ids: Collection[int]) -> list[Deposit]:
    """These deposits, after their sessions."""
    return list(Deposit.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def locked_awards_of(order_ids: Collection[int]) -> list[Award]:
    """The awards of locked orders, with all that is decided with them: bidding, session, deposit."""
    rows = Award.objects.filter(order_id__in=order_ids)
    found = list(rows.values_list("lot_id", "lot__session_id", "deposit_id"))
    locked_biddings({lot for lot, _, _ in found})
    locked_sessions({session for _, session, _ in found})
    locked_deposits({deposit for _, _, deposit in found if deposit})
    return list(rows.select_related("lot").order_by("lot_id", "pk"))
