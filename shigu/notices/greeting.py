"""Birthday greetings each morning, once in a year for each person, and never a pile after days without a clock.

Whose birthday it is, `accounts.birthdays` says; the key of a notice (person, event, the year as its round)
says each greeting once, however often the morning's work runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from shigu import clock
from shigu.accounts.birthdays import greetings
from shigu.accounts.models import User
from shigu.notices.delivering import deliver
from shigu.notices.letters import Letter, Tone
from shigu.notices.models import Notice
from shigu.notices.outbox import Told, tell

NAME = "birthday"
CHUNK = 1000


@clock.every("0 8 * * *", name="notices.greet", title=gettext_lazy("Birthday greetings"))
def greet(*, now: datetime) -> int:
    """Tell everybody whose birthday it is; how many rows that made, by all channels."""
    people = [Told(one.user_id, one.user_id, one.year) for one in greetings(now)]
    rows = sum(_tell(people[at : at + CHUNK], now) for at in range(0, len(people), CHUNK))
    if rows:
        clock.hint(deliver)
    return rows


def _tell(people: Sequence[Told], now: datetime) -> int:
    with transaction.atomic(durable=True):
        return tell(NAME, people, at=now)


class Birthday:
    """What a greeting says; it needs nothing but whose it is."""

    word: str | Promise = gettext_lazy("It is my birthday")
    place = 90

    def letters(self, notices: Sequence[Notice]) -> Mapping[int, Letter]:
        people = User.objects.in_bulk({notice.subject for notice in notices})
        return {
            notice.pk: self._letter(people[notice.subject])
            for notice in notices
            if notice.subject in people
        }

    def still(self, notice: Notice) -> bool:
        """Not if they do not want to be greeted any more, or told their birth date by mistake."""
        return notice.user.greeted and notice.user.born_on is not None

    def _letter(self, user: User) -> Letter:
        return Letter(
            title=_("Happy birthday, %(name)s!") % {"name": user.shown_name},
            text=_("A year older, and every hour of it yours. All the best from the market."),
            page=reverse("home"),
            act=pgettext("birthday", "To the market"),
            tone=Tone.GOOD,
        )
