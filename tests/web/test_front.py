"""The home page is built beforehand: for everybody the same, in both languages, never behind an activity."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.filebased import FileBasedCache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from shigu import clock
from shigu.accounts.models import User
from shigu.auctions.models import Session, SessionState
from shigu.catalogue.models import ActivityKind, Product
from shigu.clock import periodic
from shigu.clock.drain import drain
from shigu.clock.models import Periodic
from shigu.web import front
from shigu.web.front import rebuild
from tests.activities import activity, discount
from tests.auctions.saleroom import Saleroom
from tests.goods import python_course, teapot
from tests.people import alice, bob
from tests.web.ordering import english

pytestmark = pytest.mark.django_db
KEPT = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def kept(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileBasedCache:
    """Kept in files, as without Redis; a folder of this test's own."""
    settings.HOME_KEPT = KEPT
    cache = FileBasedCache(str(tmp_path / "built"), {})
    monkeypatch.setattr(front, "caches", {"built": cache})
    return cache


def home(client: Client) -> str:
    return client.get("/").content.decode()


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        client.get("/")
    return len(asked)


def renamed(name: str) -> None:
    Product.objects.update(name_zh=name, name_en=f"{name} in English")


def test_it_is_built_once_and_read_by_all(client: Client) -> None:
    """The first reader builds; the next, signed in or not, costs the time and a look at what is under the

    hammer; then the clock builds.
    """
    teapot()
    assert "柴烧小茶壶" in home(client)
    renamed("新壶")
    assert queries(client) == 2
    assert "柴烧小茶壶" in home(client)
    client.force_login(alice())
    assert "柴烧小茶壶" in home(client)
    assert rebuild(now=clock.now()) == 2
    assert "新壶" in home(client)
    assert "新壶 in English" in home(english(Client()))


def test_without_the_clock_readers_build_it(client: Client) -> None:
    """What nobody has rebuilt for so long is not believed any more."""
    teapot()
    home(client)
    renamed("新壶")
    with clock.shifted(KEPT - timedelta(seconds=1)):
        assert "柴烧小茶壶" in home(client)
    with clock.shifted(KEPT + timedelta(seconds=1)):
        assert "新壶" in home(client)


def test_a_clock_moved_back_believes_nothing_of_the_future(client: Client) -> None:
    """What was built later than now is built anew."""
    teapot()
    with clock.shifted(timedelta(days=1)):
        home(client)
    renamed("新壶")
    assert "新壶" in home(client)


@pytest.mark.parametrize("moment", ["starts", "ends"])
def test_an_activity_is_never_shown_late(client: Client, moment: str) -> None:
    """Its start and its end overtake what was built before, to the second."""
    teapot()
    begins = timedelta(minutes=2) if moment == "starts" else timedelta(hours=-1)
    ends = timedelta(hours=1) if moment == "starts" else timedelta(minutes=2)
    discount(85, starts=begins, ends=ends)
    marked = re.compile(r'class="chip run"')
    before = bool(marked.search(home(client)))
    with clock.shifted(timedelta(minutes=2, seconds=1)):
        after = bool(marked.search(home(client)))
    assert (before, after) == ((False, True) if moment == "starts" else (True, False))


def test_nothing_of_a_reader_is_kept(client: Client, kept: FileBasedCache) -> None:
    """Built while alice reads it: no name, no token, nothing that differs from a visitor's."""
    teapot(), python_course()
    User.objects.filter(pk=alice().pk).update(nickname="小满的昵称")
    client.force_login(alice())
    page = home(client)
    html, _since, _until = kept.get(front._key())
    token = re.search(r'"X-CSRFToken": "(\w+)"', page)
    assert is_in(page, html)
    assert token
    assert token[1] not in html
    for word in ("alice", "小满的昵称", "csrf", "shigu.test"):
        assert word not in html, word
    assert is_in(home(Client()), html)


def is_in(page: str, html: str) -> bool:
    """Is what is kept in this page, around what is under the hammer?"""
    parts = html.split(front.HAMMER)
    assert len(parts) == 2
    return all(part in page for part in parts)


def test_what_is_under_the_hammer_is_never_kept(client: Client, kept: FileBasedCache) -> None:
    """A session that is published after the page was built stands there at once, and is gone at once."""
    teapot()
    assert "秋拍" not in home(client)
    room = Saleroom()
    room.lot()
    page = home(client)
    assert "秋拍" in page
    assert front.HAMMER not in page
    html, _since, _until = kept.get(front._key())
    assert "秋拍" not in html
    Session.objects.update(state=SessionState.WITHDRAWN)
    assert "秋拍" not in home(client)


def test_students_see_their_own_prices(client: Client) -> None:
    """Theirs is neither taken from what is kept nor kept for others."""
    teapot()
    activity(ActivityKind.STUDENT, percent=50)
    User.objects.filter(pk=bob().pk).update(is_student=True)
    visitor = home(client)
    student = Client()
    student.force_login(bob())
    mine = home(student)
    assert mine.count('class="was"') > visitor.count('class="was"')
    renamed("新壶")
    assert "新壶" in home(student)
    assert "柴烧小茶壶" in home(client)


def test_what_cannot_be_read_is_built(client: Client, kept: FileBasedCache) -> None:
    """A file cut off in the middle, another shape, no place to write: a page all the same."""
    teapot()
    home(client)
    [file] = Path(kept._dir).glob("*.djcache")
    file.write_bytes(file.read_bytes()[:40])
    assert "柴烧小茶壶" in home(client)
    kept.set(front._key(), "another shape", 60)
    assert "柴烧小茶壶" in home(client)


def test_without_a_place_to_keep_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, kept: FileBasedCache
) -> None:
    """A full disk costs time, not the page."""

    def full(*args: object, **more: object) -> None:
        raise OSError("No space left on device")

    teapot()
    monkeypatch.setattr(kept, "set", full)
    assert "柴烧小茶壶" in home(client)


def test_switched_off(client: Client, settings: Any) -> None:
    """With nothing kept, each reader sees what is there now."""
    settings.HOME_KEPT = timedelta(0)
    teapot()
    home(client)
    renamed("新壶")
    assert "新壶" in home(client)


def test_the_clock_rebuilds_it_every_five_minutes(client: Client) -> None:
    """Declared, seen by operators, and run when its moment has come."""
    teapot()
    home(client)
    periodic.ensure()
    renamed("新壶")
    with clock.shifted(timedelta(minutes=5)):
        assert drain("web.rebuild_home").affected == 1
        assert "新壶" in home(client)
    row = Periodic.objects.get(name="web.rebuild_home")
    assert (row.expression, row.changed) == ("*/5 * * * *", 2)


def test_both_alternatives_are_shared_between_processes(settings: Any) -> None:
    """Never the memory of one process: the clock's is not the pages'."""
    assert "locmem" not in settings.CACHES["built"]["BACKEND"]
    assert caches["built"] is not None
