"""Hearing a provider's notify: verify, write down, settle, answer.

`hear` gives what the provider is to be told (ok or not). A notice with a good signature is committed
alone before anything follows from it, so a process that dies leaves it to the provider's next try or to
the clock (`handle`), whichever is first. Junk is counted (`NoticeTally`), never stored.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from shigu import clock
from shigu.kit.breakpoints import reached
from shigu.payments import tallying
from shigu.payments.models import HANDLE_AGAIN_AFTER, Notice, Outcome
from shigu.payments.provider import Event, Unverified, providers
from shigu.payments.settling import Hearing, decide, mark_handled, settle

UNDERSTOOD = {Outcome.SETTLED, Outcome.REPEATED, Outcome.RETURNED, Outcome.NO_PAYMENT}
"""Outcomes after which the provider need not tell it again."""


def hear(provider: str, body: bytes) -> bool:
    """Take a notify's body; True when the provider may stop telling it.

    1.  Verify; junk is tallied and answered no.
    2.  Record the notice alone and commit; only a handled one is a duplicate.
    3.  Settle with what it says.
    """
    try:
        event = providers[provider].parse_notify(body)
    except Unverified as problem:
        tallying.count(provider, problem.why)
        return False
    notice = _recorded(provider, event, body)
    reached("payments.notice.recorded")
    if is_duplicate(notice):
        return notice.outcome in UNDERSTOOD
    return settle(provider, event.answer, notice_id=notice.pk) in UNDERSTOOD


def is_duplicate(notice: Notice) -> bool:
    """Was it not only recorded but handled? A process may have died in between."""
    return notice.handled_at is not None


def _recorded(provider: str, event: Event, body: bytes) -> Notice:
    """The stored notice, whoever stored it first; committed before anything follows."""
    with transaction.atomic(durable=True):
        now = clock.now()
        notice = Notice(
            provider=provider,
            notify_id=event.notify_id,
            out_trade_no=event.answer.out_trade_no,
            trade_status=event.answer.said,
            raw=body.decode("latin-1"),
            received_at=now,
            due_at=now + HANDLE_AGAIN_AFTER,
        )
        Notice.objects.bulk_create([notice], ignore_conflicts=True)
        return Notice.objects.get(provider=provider, notify_id=event.notify_id)


@clock.rings(Notice, due="due_at", among=Q(handled_at=None), holds=True)
def handle(notice_ids: list[int], *, now: object) -> int:
    """Notices that were recorded and never handled: read and verified anew, then settled."""
    notices = list(Notice.objects.filter(pk__in=notice_ids).order_by("pk"))
    hearings = [Hearing(n.provider, _told(n).answer) for n in notices]
    mark_handled(notices, decide(hearings))
    return len(notices)


def _told(notice: Notice) -> Event:
    return providers[notice.provider].parse_notify(notice.raw.encode("latin-1"))
