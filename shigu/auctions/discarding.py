"""What is still a draft can be taken out again: one lot, all lots of a session, or the session with them.

`discard_lot`, `discard_lots` and `discard_session` delete rows, which nothing else in auctions does: nobody
has seen, bid on or paid for what was never published. A thing that was made with its lot goes with it where
nothing else names it; one that is listed again belongs to its earlier lot and can be listed once more. The
numbers of the lots that stay, stay.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial, reduce
from operator import or_

from django.db import connection, transaction
from django.db.models import Exists, ImageField, ManyToOneRel, Model, OuterRef, Q, QuerySet

from shigu.auctions.composing import MADE
from shigu.auctions.errors import NoSuchLot
from shigu.auctions.errors_life import PublishedAlready
from shigu.auctions.locks import locked_lots, locked_session
from shigu.auctions.models import Lot, LotPicture, Session, SessionState
from shigu.catalogue.models import Kind, Product, Sku
from shigu.kit.breakpoints import reached


def discard_lot(lot_id: int) -> None:
    """Take one lot out of its draft. NoSuchLot, PublishedAlready; nothing changes then."""
    session_id = Lot.objects.filter(pk=lot_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NoSuchLot
    with transaction.atomic(durable=True):
        _draft(session_id)
        if not _remove(Lot.objects.filter(pk=lot_id)):
            raise NoSuchLot


def discard_lots(session_id: int) -> int:
    """Take all lots out of a draft; how many. NoSuchSession, PublishedAlready."""
    with transaction.atomic(durable=True):
        return _remove(_draft(session_id).lots.all())


def discard_session(session_id: int) -> int:
    """Remove a draft with all of its lots; how many there were. NoSuchSession, PublishedAlready."""
    with transaction.atomic(durable=True):
        session = _draft(session_id)
        count = _remove(session.lots.all())
        _delete(Session, [session_id])
        _drop_files(Session.cover.field, [session.cover.name])
    return count


def _draft(session_id: int) -> Session:
    """Locked, so that it is not published meanwhile and no lot joins it."""
    session = locked_session(session_id)
    if session.state != SessionState.DRAFT:
        raise PublishedAlready
    reached("auctions.discard.locked")
    return session


def _remove(rows: QuerySet[Lot]) -> int:
    """Lots with their pictures and things, in as many statements for a thousand as for one.

    1. Lock the lots: nobody puts a picture to one any more. 2. Their pictures, then they.
    3. Lock the things made for them; those that nothing names now go, too. 4. Files that nobody shows.
    """
    skus = locked_lots(rows)
    pictures = dict(LotPicture.objects.filter(lot__in=skus).values_list("pk", "image"))
    _delete(LotPicture, pictures)
    _delete(Lot, skus)
    _remove_things(skus.values())
    _drop_files(LotPicture.image.field, pictures.values())
    return len(skus)


def _remove_things(sku_ids: Collection[int]) -> None:
    """Locked in one statement and looked at in the next: whoever names one meanwhile waits, and is told."""
    made = Sku.objects.filter(pk__in=sku_ids, product__kind=Kind.LOT)
    made = made.filter(product__slug__startswith=MADE).select_for_update().order_by("pk")
    products = dict(made.values_list("pk", "product_id"))
    free = _unnamed(Sku, products)
    _delete(Sku, free)
    touched = [products[pk] for pk in free]
    rows = Product.objects.select_for_update().filter(pk__in=touched).order_by("pk")
    covers = dict(rows.values_list("pk", "cover"))
    gone = _unnamed(Product, covers)
    _delete(Product, gone)
    _drop_files(Product.cover.field, [covers[pk] for pk in gone])


def _unnamed(model: type[Model], ids: Collection[int]) -> list[int]:
    """Those that no row of any table refers to."""
    named = [
        Q(Exists(one.related_model._base_manager.filter(**{one.field.name: OuterRef("pk")})))
        for one in model._meta.get_fields(include_hidden=True)
        if isinstance(one, ManyToOneRel)
    ]
    rows = model._base_manager.filter(pk__in=ids).exclude(reduce(or_, named))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _delete(model: type[Model], ids: Collection[int]) -> None:
    """At once; Django would ask for everything that refers to them, a hundred at a time."""
    with connection.cursor() as cursor:
        table = model._meta.db_table
        cursor.execute(f"DELETE FROM {table} WHERE id = ANY(%s::bigint[])", [list(ids)])


def _drop_files(field: ImageField, names: Collection[str | None]) -> None:
    """Once it is committed: those that no other row shows. One that cannot be removed hinders nothing."""
    rows = field.model._base_manager.filter(**{f"{field.name}__in": names})
    for name in set(filter(None, names)) - set(rows.values_list(field.name, flat=True)):
        transaction.on_commit(partial(field.storage.delete, name), robust=True)
