"""Birthday greetings: once a year in the inbox and by mail, in one's own language, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from shigu import clock
from shigu.accounts.models import User
from shigu.accounts.profile import Profile, change
from shigu.clock import periodic
from shigu.clock.drain import drain
from shigu.clock.models import Periodic
from shigu.notices import choosing
from shigu.notices.greeting import greet
from shigu.notices.letters import letters
from shigu.notices.models import Notice
from tests.notices.telling import became, deliver, told
from tests.people import alice, bob

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def birthday(clone: str) -> User:
    """Alice, whose birthday is the 20th of May; the shop's clock says nine in the morning of it."""
    person = change(alice().pk, Profile(nickname="小满", born_on=date(1999, 5, 20)))
    clock.shift(datetime(2027, 5, 20, 9, tzinfo=SHANGHAI) - clock.now())
    return person


def test_once_in_a_year(birthday: User) -> None:
    """In the inbox and by mail; run again, or a day later, nobody is told twice; the next year again."""
    assert greet(now=clock.now()) == 2
    for days in (0, 1, 2, 3):
        assert greet(now=clock.now() + timedelta(days=days)) == 0
    assert told(birthday) == [("birthday", 2027)]
    assert greet(now=clock.now() + timedelta(days=366)) == 2
    assert told(birthday) == [("birthday", 2027), ("birthday", 2028)]


def test_a_changed_birth_date_does_not_make_it_two(birthday: User) -> None:
    """Moved to tomorrow after the greeting: this year's was said."""
    greet(now=clock.now())
    change(birthday.pk, Profile(born_on=date(1999, 5, 21)))
    assert greet(now=clock.now() + timedelta(days=1)) == 0


def test_the_mail_speaks_the_readers_language(birthday: User) -> None:
    """Both are complete; the name is the one that everybody reads."""
    User.objects.filter(pk=birthday.pk).update(language="en")
    greet(now=clock.now())
    deliver()
    assert became(birthday) == {"birthday": "sent"}
    assert [letter.subject for letter in mail.outbox] == ["Happy birthday, 小满!"]
    with translation.override("zh-hans"):
        said = letters(Notice.objects.filter(channel="inbox"))
    assert [letter.title for letter in said.values()] == ["生日快乐，小满！"]


def test_switched_off(birthday: User) -> None:
    """In the profile: nothing at all. Among the mails: the inbox alone."""
    change(birthday.pk, Profile(born_on=date(1999, 5, 20), greeted=False))
    assert greet(now=clock.now()) == 0
    change(birthday.pk, Profile(born_on=date(1999, 5, 20)))
    choosing.choose(birthday.pk, [])
    assert greet(now=clock.now()) == 1
    assert told(birthday, "mail") == []


def test_switched_off_before_the_mail_left(birthday: User) -> None:
    """It is withdrawn."""
    greet(now=clock.now())
    User.objects.filter(pk=birthday.pk).update(greeted=False)
    deliver()
    assert became(birthday) == {"birthday": "withdrawn"}
    assert mail.outbox == []


def test_the_clock_does_it_once_after_days_away(birthday: User) -> None:
    """Two mornings missed: one run, and the greeting of the day before yesterday with it."""
    periodic.ensure()
    change(bob().pk, Profile(born_on=date(1990, 5, 22)))
    clock.shift(timedelta(days=2))
    assert drain("notices.greet").affected == 1
    assert drain("notices.greet").claimed == 0
    assert told(birthday) == [("birthday", 2027)]
    assert told(bob()) == [("birthday", 2027)]
    row = Periodic.objects.get(name="notices.greet")
    assert row.changed == 4
    assert row.moment.astimezone(UTC) == datetime(2027, 5, 23, tzinfo=UTC)


def test_the_profile_says_both(birthday: User, settings: Any) -> None:
    """A form without the tick switches it off; with it, on again."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    client = Client()
    client.force_login(birthday, "django.contrib.auth.backends.ModelBackend")
    fields = {"nickname": "小满", "born_on": "1999-05-20", "gender": ""}
    for sent, kept in ((fields, False), (fields | {"greeted": "on"}, True)):
        assert client.post("/me/profile/save", sent).status_code == 302
        assert User.objects.get(pk=birthday.pk).greeted is kept
