"""What the tests of notices ask: what somebody was told, by which channel, and what became of the mails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shigu import clock
from shigu.accounts.models import User
from shigu.clock.drain import Drained, drain
from shigu.notices.letters import letters
from shigu.notices.models import Notice


def told(user: User, channel: str = "inbox") -> list[tuple[str, int]]:
    """Events and rounds of somebody's rows, in the order in which they were written."""
    rows = Notice.objects.filter(user=user, channel=channel).order_by("pk")
    return [(row.event.removeprefix("order."), row.round) for row in rows]


def heard(who: User, channel: str = "inbox") -> list[str]:
    """Events of somebody's rows, in the order in which they were written."""
    rows = Notice.objects.filter(user=who, channel=channel).order_by("pk")
    return list(rows.values_list("event", flat=True))


def read(event: str, who: User) -> Any:
    """The letter of somebody's latest row of this event, in the language that is active."""
    notice = Notice.objects.filter(event=event, user=who, channel="inbox").latest("pk")
    return letters([notice])[notice.pk]


def became(user: User) -> dict[str, str]:
    """What became of somebody's mails, by event."""
    rows = Notice.objects.filter(user=user, channel="mail")
    return {row.event.removeprefix("order."): row.state for row in rows}


def deliver() -> Drained:
    """The clock carries out what waits."""
    return drain("notices.deliver")


def pass_time(**by: float) -> None:
    """The shop's clock goes forward."""
    clock.shift(timedelta(**by))
