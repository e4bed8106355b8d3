"""Somebody's inbox: `mine`, how many are `unread`, and reading them. Another person's is never touched."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from shigu import clock
from shigu.notices.models import Notice

SHOWN = 99
"""More unread ones than this are not counted."""


def mine(user_id: int, *, unread: bool = False) -> QuerySet[Notice]:
    """Entries of one's own, newest first; only those not read yet where `unread`."""
    rows = Notice.objects.filter(user_id=user_id, channel="inbox").order_by("-pk")
    return rows.filter(read_at=None) if unread else rows


def unread(user_id: int) -> int:
    """How many wait to be read, counted up to one more than `SHOWN`."""
    return mine(user_id, unread=True).order_by()[: SHOWN + 1].count()


def read(user_id: int, notice_id: int) -> Notice:
    """The entry, read from now on; Notice.DoesNotExist for anybody else's."""
    with transaction.atomic(durable=True):
        notice = mine(user_id).select_for_update(no_key=True).get(pk=notice_id)
        if notice.read_at is None:
            notice.read_at = clock.now()
            notice.save(update_fields=["read_at"])
    return notice


def read_all(user_id: int, *, up_to: int) -> int:
    """Everything that was there when the reader looked; what came since stays unread. How many."""
    with transaction.atomic(durable=True):
        rows = mine(user_id, unread=True).filter(pk__lte=up_to)
        ids = list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
        return Notice.objects.filter(pk__in=ids).update(read_at=clock.now())
