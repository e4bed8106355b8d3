"""What operators see: figures that are right, in every place they are shown."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.urls import include, path
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from shigu import clock
from shigu.clock import lateness, periodic, quarantine, status
from shigu.clock.drain import drain, drain_all
from shigu.clock.models import Dispatcher, KindState
from tests.clock.bells import Bell
from tests.clock.conftest import Tower


def shigu(*arguments: Any) -> str:
    out = StringIO()
    call_command("clock", *arguments, stdout=out)
    return out.getvalue()


def test_figures_of_a_kind(tower: Tower) -> None:
    """Waiting, overdue, next, oldest, claimed, changed, set aside: each as the rows are."""
    kind = tower.declare()
    tower.hang(10)
    tower.hang(1, bad=True)
    drain(kind)
    lateness.flush(at_once=True)
    tower.hang(3, ago=timedelta(seconds=90))
    [soon] = tower.hang(1, ago=-timedelta(seconds=20))
    found = status.of(kind)
    assert (found.waiting, found.overdue, found.set_aside) == (5, 3, 1)
    assert found.next_due == Bell.objects.get(pk=soon).due_at
    assert found.oldest_overdue is not None
    assert 90 <= found.oldest_overdue < 100
    assert (found.claimed, found.affected, found.failed, found.batches) == (11, 10, 1, 1)
    assert found.alarm
    assert found.late_p50 is not None
    assert found.late_p99 is not None
    assert 1 <= found.late_p50 <= found.late_p99 < 10


def test_claimed_against_affected(tower: Tower) -> None:
    """Rows claimed that nothing was to be done for show as the difference."""
    kind = tower.declare(lambda ids, now: tower.ring(ids, now=now) // 2)
    tower.hang(10)
    drain(kind)
    lateness.flush(at_once=True)
    assert (status.of(kind).claimed, status.of(kind).affected) == (10, 5)


def test_counting_stops(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts end at the cap however many wait, and are shown so."""
    monkeypatch.setattr(status, "CAP", 5)
    tower.declare()
    tower.hang(20)
    found = status.of(clock.kinds.find("bells.ring"))
    assert (found.waiting, found.overdue) == (6, 6)


def test_json_for_programs(tower: Tower) -> None:
    """`shigu clock status --json` is one object with all kinds and dispatchers."""
    tower.declare()
    tower.hang(2)
    at = clock.now()
    Dispatcher.objects.create(name="host:1", started_at=at, ticked_at=at - timedelta(seconds=9))
    found = json.loads(shigu("status", "--json"))
    [kind] = found["kinds"]
    assert (kind["kind"], kind["waiting"], kind["overdue"]) == ("bells.ring", 2, 2)
    [dispatcher] = found["dispatchers"]
    assert dispatcher["name"] == "host:1"
    assert 9 <= dispatcher["age"] < 12


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_readable_in_both_languages(tower: Tower, language: str) -> None:
    """People read a line for each kind, periodic work and its last error included."""
    from django.utils.translation import override

    def broken(*, now: Any) -> None:
        raise RuntimeError("no paper")

    tower.declare()
    tower.hang(2)
    clock.every("0 0 1 1 *", name="bells.sweep")(broken)
    periodic.ensure()
    periodic.run_now("bells.sweep")
    drain("bells.sweep")
    with override(language):
        text = shigu("status")
    assert "bells.ring" in text
    assert "RuntimeError: no paper" in text
    assert ("等待" in text) is (language == "zh-hans")


def test_once_for_plain_cron(tower: Tower) -> None:
    """`shigu clock once` does all that is due, says so, and ends."""
    tower.declare()
    tower.hang(3)
    assert "bells.ring" in shigu("once")
    assert not tower.waiting()
    assert shigu("once") == ""


def test_park_and_unpark_by_hand(tower: Tower) -> None:
    """An operator stops a kind and lets it go again; an unknown name is an error."""
    tower.declare()
    tower.hang(1)
    shigu("park", "bells.ring")
    assert drain("bells.ring").parked
    assert status.of(clock.kinds.find("bells.ring")).alarm
    shigu("unpark", "bells.ring")
    assert drain("bells.ring").claimed == 1
    with pytest.raises(CommandError):
        shigu("park", "bells.nothing")


def test_shift_where_it_is_allowed(tower: Tower, settings: Any) -> None:
    """`shigu clock shift 3600` moves the clock; where it may not, it says so and moves nothing."""
    shigu("shift", "3600")
    assert clock.offset() == timedelta(hours=1)
    settings.CLOCK_MAY_SHIFT = False
    with pytest.raises(CommandError):
        shigu("shift", "3600")
    assert clock.offset() == timedelta(hours=1)
    shigu("real")
    assert clock.offset() == timedelta(0)


def test_production_does_not_run_on_a_movable_clock(tower: Tower, settings: Any) -> None:
    """`shigu clock run` refuses a database that was a demo's."""
    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        shigu("run")


def test_tidying_forgets_old_figures(tower: Tower) -> None:
    """After three days figures and dispatchers long gone are forgotten, by the clock itself."""
    from shigu.clock.tidying import tidy

    kind = tower.declare()
    tower.hang(1)
    drain(kind)
    lateness.flush(at_once=True)
    at = clock.now()
    Dispatcher.objects.create(name="host:1", started_at=at, ticked_at=at)
    tidy(now=clock.now())
    assert status.of(kind).claimed == 1
    assert Dispatcher.objects.exists()
    with clock.shifted(timedelta(days=4)):
        tidy(now=clock.now())
    assert status.of(kind).claimed == 0
    assert not Dispatcher.objects.exists()


def test_flushing_adds_up_in_one_minute(tower: Tower) -> None:
    """Several flushes, also by several processes, add to the same rows."""
    kind = tower.declare()
    for _ in range(3):
        tower.hang(2)
        drain(kind)
        lateness.flush(at_once=True)
    assert status.of(kind).claimed == 6


@given(st.timedeltas(timedelta(0), timedelta(days=20)))
def test_buckets_hold_what_is_put_into_them(late: timedelta) -> None:
    """Any lateness lies under its bucket's bound, by a fifth at most, and over the one before."""
    index = lateness.bucket(late)
    assert late <= lateness.upper(index) + timedelta(microseconds=1)
    assert index == 0 or late >= lateness.upper(index - 1) - timedelta(microseconds=1)


def test_early_is_shown_as_zero() -> None:
    """A clock moved back between due and commit makes no negative bucket."""
    assert lateness.bucket(timedelta(seconds=-5)) == 0


# -- the back office --------------------------------------------------------------------------


PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
urlpatterns = [path("ops/", admin.site.urls), path("i18n/", include("django.conf.urls.i18n"))]


def handler403(request: Any, exception: Exception) -> HttpResponse:
    return HttpResponse(status=403)


@pytest.fixture
def office(tower: Tower, client: Any, settings: Any) -> Any:
    """The back office with an operator signed in."""
    from django.contrib.auth import get_user_model

    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if name.startswith("django.contrib")
    ]
    settings.STORAGES = {"staticfiles": {"BACKEND": PLAIN}}
    operator = get_user_model().objects.create_superuser("operator", "operator@example.com", "x")
    client.force_login(operator)
    yield client
    operator.delete()


@pytest.mark.parametrize("page", ["kindstate", "quarantine", "periodic", "dispatcher"])
def test_pages_of_the_back_office(office: Any, tower: Tower, page: str) -> None:
    """Each page opens and shows its rows."""
    tower.declare()
    tower.hang(1, bad=True)
    clock.every("0 0 1 1 *", name="bells.sweep")(lambda *, now: None)
    drain_all()
    at = clock.now()
    Dispatcher.objects.create(name="host:1", started_at=at, ticked_at=at)
    answer = office.get(f"/ops/clock/{page}/")
    shown = {"dispatcher": "host:1", "periodic": "bells.sweep"}.get(page, "bells.ring")
    assert answer.status_code == 200
    assert shown in answer.content.decode()


def act(office: Any, page: str, action: str, pk: int) -> None:
    answer = office.post(f"/ops/clock/{page}/", {"action": action, "_selected_action": [pk]})
    assert answer.status_code == 302


def test_operators_try_again_unpark_and_run_now(office: Any, tower: Tower) -> None:
    """The three actions of the back office do what they say."""
    runs: list[object] = []
    kind = tower.declare()
    clock.every("0 0 1 1 *", name="bells.sweep")(lambda *, now: runs.append(now))
    tower.hang(1, bad=True)
    drain_all()
    Bell.objects.update(bad=False)
    act(office, "quarantine", "try_again", quarantine.Quarantine.objects.get().pk)
    assert drain(kind).affected == 1
    quarantine.park(kind, "x")
    act(office, "kindstate", "unpark", KindState.objects.get(name="bells.ring").pk)
    assert not quarantine.is_parked(kind)
    act(office, "periodic", "run_now", periodic.Periodic.objects.get(name="bells.sweep").pk)
    drain("bells.sweep")
    assert len(runs) == 1


def test_nothing_is_added_or_deleted_by_hand(office: Any, tower: Tower) -> None:
    """The back office offers no form to make or delete the clock's rows."""
    tower.declare()
    for page in ("kindstate", "quarantine", "periodic", "run", "dispatcher"):
        assert office.get(f"/ops/clock/{page}/add/").status_code == 403


def test_operators_see_what_periodic_work_did(office: Any, tower: Tower) -> None:
    """Its title, how the last run went, when the next one is, and every run behind a link."""
    fails: list[Exception] = []

    def run(*, now: datetime) -> int:
        if fails:
            raise fails.pop()
        return 4711

    clock.every("0 0 1 1 *", name="bells.sweep", title="Polish the bells")(run)
    listed = "/ops/clock/periodic/"
    with translation.override("en"):
        text = office.get(listed).content.decode()
    assert "Polish the bells" in text
    assert "not run yet" in text
    work = periodic.Periodic.objects.get(name="bells.sweep")
    for said, trouble in (("went well", []), ("failed, tried again", [RuntimeError("no paper")])):
        fails.extend(trouble)
        act(office, "periodic", "run_now", work.pk)
        drain("bells.sweep")
        with translation.override("en"):
            assert said in office.get(listed).content.decode()
    runs = office.get(f"/ops/clock/run/?work__id__exact={work.pk}").content.decode()
    assert "4711" in runs or "4,711" in runs
    assert "no paper" in runs
    assert LogEntry.objects.filter(object_id=str(work.pk)).count() == 2
