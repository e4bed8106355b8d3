"""What waits in the outbox is carried out by the clock: claimed by lease, sent, written down.

Sent once as far as the outside allows: see "What can double" in docs/notices.md. What is not true any
more by then (a reminder of an order that was paid), or not wanted any more, is withdrawn instead; what
could not be sent for `NOTICES_PATIENCE` is given up, since nobody wants old news.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import translation

from shigu import clock
from shigu.accounts.languages import language_of
from shigu.kit.breakpoints import reached
from shigu.notices.channels import Refused, channels
from shigu.notices.letters import events, letters
from shigu.notices.models import Notice, Silence, State


@clock.calls(
    Notice,
    due="due_at",
    tries="tries",
    among=Q(state="waiting"),
    lease=30 * settings.EMAIL_WAIT,
    retry=clock.Backoff(first=timedelta(seconds=20), factor=2, most=timedelta(hours=1)),
    name="notices.deliver",
)
def deliver(notice: Notice) -> State:
    """Send it if it is still to be sent; what became of it.

    A mail is about ten exchanges with its server, each of which may take up to `EMAIL_WAIT`: the lease
    is more than twice that.
    """
    if clock.now() - notice.at > settings.NOTICES_PATIENCE:
        return State.GIVEN_UP
    reader, channel = notice.user, channels[notice.channel]
    if not channel.reaches(reader) or _silenced(notice) or not events[notice.event].still(notice):
        return State.WITHDRAWN
    with translation.override(language_of(reader)):
        letter = letters([notice]).get(notice.pk)
        if letter is None:
            return State.WITHDRAWN
        reached("notices.deliver.written")
        try:
            channel.send(notice, letter, reader)
        except Refused:
            return State.REFUSED
    reached("notices.deliver.sent")
    return State.SENT


def _silenced(notice: Notice) -> bool:
    return Silence.objects.filter(
        user_id=notice.user_id, event=notice.event, channel=notice.channel
    ).exists()


@deliver.records
def ended(notice_id: int, state: State, *, tries: int) -> None:
    """Write down what became of it; an answer to an earlier claim is dropped."""
    with transaction.atomic(durable=True):
        notice = Notice.objects.select_for_update(no_key=True).get(pk=notice_id)
        clock.StaleClaim.unless(notice.tries == tries and notice.state == State.WAITING)
        notice.state, notice.due_at, notice.ended_at = state, None, clock.now()
        notice.save(update_fields=["state", "due_at", "ended_at"])
