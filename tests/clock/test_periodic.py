"""Periodic work: by crontab and zone, once after a downtime, once in odd hours, by lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSimError
from hypothesis import given
from hypothesis import strategies as st

from shigu import clock
from shigu.clock import periodic
from shigu.clock.drain import drain, drain_all
from shigu.clock.due import next_due
from shigu.clock.models import Periodic, Run
from shigu.clock.periodic import next_moment
from shigu.clock.tidying import tidy
from tests.clock.conftest import Tower

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(expression: str, zone: ZoneInfo, start: str, count: int) -> list[str]:
    """The next moments, each run at once, as they are in UTC."""
    moment, found = utc(start), []
    for _ in range(count):
        moment = next_moment(expression, zone, moment, moment)
        found.append(f"{moment:%m-%d %H:%M}")
    return found


def test_the_first_of_each_month_in_the_shops_zone() -> None:
    """03:00 in Shanghai is 19:00 UTC of the day before."""
    found = series("0 3 1 * *", SHANGHAI, "2026-01-15T00:00", 3)
    assert found == ["01-31 19:00", "02-28 19:00", "03-31 19:00"]


def test_an_hour_that_is_skipped() -> None:
    """02:30 does not exist in Berlin on 2026-03-29: it runs once, at 03:00 summer time."""
    found = series("30 2 * * *", BERLIN, "2026-03-27T12:00", 3)
    assert found == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_several_moments_in_a_skipped_hour_run_once() -> None:
    """02:00 and 02:30 both fall into the gap and make one run, not two."""
    found = series("0,30 2 * * *", BERLIN, "2026-03-28T12:00", 3)
    assert found == ["03-29 01:00", "03-30 00:00", "03-30 00:30"]


def test_an_hour_that_comes_twice() -> None:
    """02:30 comes twice in Berlin on 2026-10-25 and runs once."""
    found = series("30 2 * * *", BERLIN, "2026-10-24T12:00", 2)
    assert found == ["10-25 00:30", "10-26 01:30"]


def test_a_run_that_ends_in_the_second_round_of_an_hour() -> None:
    """Work of 02:30 that takes until 02:10 of the second round does not meet 02:30 again."""
    last = utc("2026-10-25T00:30")
    found = next_moment("30 2 * * *", BERLIN, last, last + timedelta(minutes=40))
    assert found == utc("2026-10-26T01:30")


def test_every_ten_minutes_goes_on_through_both_rounds() -> None:
    """What runs all the time runs in both rounds of the doubled hour."""
    found = series("*/10 * * * *", BERLIN, "2026-10-25T00:00", 12)
    assert len(set(found)) == 12
    assert found[-1] == "10-25 02:00"


EXPRESSIONS = st.sampled_from(
    ["30 2 * * *", "0,30 2 * * *", "*/7 * * * *", "15 */2 * * *", "0 0 1 * *", "5 2 * * SUN"]
)
ZONES = st.sampled_from(
    ["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"]
)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(EXPRESSIONS, ZONES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_the_next_moment_lies_ahead(
    expression: str, zone: str, last: datetime, away: timedelta
) -> None:
    """After any downtime in any zone the next moment is later than both, and nothing lies between."""
    at = last + away
    found = next_moment(expression, ZoneInfo(zone), last, at)
    assert found > at >= last
    assert next_moment(expression, ZoneInfo(zone), last, found - timedelta(seconds=1)) == found


def test_a_bad_crontab_fails_at_import() -> None:
    """An expression that means nothing is a mistake where it is written."""
    with pytest.raises(CronSimError):
        clock.every("61 * * * *")


class Sweep:
    """Periodic work that counts its runs."""

    def __init__(self, expression: str = "*/5 * * * *") -> None:
        self.runs: list[datetime] = []
        self.errors: list[Exception] = []
        clock.every(expression, name="bells.sweep", lease=timedelta(minutes=10))(self.run)

    def run(self, *, now: datetime) -> None:
        self.runs.append(now)
        if self.errors:
            raise self.errors.pop()


def between_two_moments() -> None:
    """A minute past one of the sweep's moments: none comes by itself while the test runs."""
    clock.shift((6 - clock.now().minute % 5) * MINUTE)


def test_runs_when_its_moment_has_come(tower: Tower) -> None:
    """Not before its moment; then once; then not before the next."""
    between_two_moments()
    sweep = Sweep()
    drain_all()
    assert not sweep.runs
    for n in range(1, 4):
        with clock.shifted(5 * MINUTE * n):
            drain_all()
            drain_all()
        assert len(sweep.runs) == n
    row = Periodic.objects.get(name="bells.sweep")
    assert row.started_at
    assert row.ended_at
    assert row.tries == 0
    assert next_due() is not None


def test_missed_moments_run_once(tower: Tower) -> None:
    """After a day without a clock it runs once, and then by its crontab again."""
    between_two_moments()
    sweep = Sweep()
    drain_all()
    with clock.shifted(timedelta(days=1)):
        drain_all()
        assert len(sweep.runs) == 1
        row = Periodic.objects.get(name="bells.sweep")
        assert timedelta(0) < row.moment - clock.now() <= 5 * MINUTE


def test_a_failure_is_kept_and_tried_again(tower: Tower) -> None:
    """An error is shown with the row and retried by backoff, not only at the next moment."""
    sweep = Sweep("0 0 1 1 *")
    sweep.errors = [RuntimeError("no paper")]
    periodic.ensure()
    periodic.run_now("bells.sweep")
    assert drain("bells.sweep").failed == 1
    row = Periodic.objects.get(name="bells.sweep")
    assert row.error.startswith("RuntimeError: no paper (")
    assert timedelta(seconds=20) < row.due_at - clock.now() <= timedelta(seconds=30)
    with clock.shifted(timedelta(seconds=31)):
        assert drain("bells.sweep").affected == 1
    row.refresh_from_db()
    assert (row.error, row.due_at) == ("", row.moment)


def test_run_now_keeps_the_next_moment(tower: Tower) -> None:
    """An operator's run does not replace the regular one."""
    sweep = Sweep("0 0 1 1 *")
    periodic.ensure()
    moment = Periodic.objects.get(name="bells.sweep").moment
    periodic.run_now("bells.sweep")
    drain("bells.sweep")
    row = Periodic.objects.get(name="bells.sweep")
    assert len(sweep.runs) == 1
    assert row.moment == row.due_at == moment


def test_two_dispatchers_run_it_once(tower: Tower) -> None:
    """While one runs it, another finds nothing to claim: the lease holds it."""
    others: list[int] = []

    def run(*, now: datetime) -> None:
        others.append(drain("bells.slow").claimed)

    clock.every("0 0 1 1 *", name="bells.slow")(run)
    periodic.ensure()
    periodic.run_now("bells.slow")
    assert drain("bells.slow").claimed == 1
    assert others == [0]


def test_a_run_that_outlived_its_lease_does_not_settle_the_next(tower: Tower) -> None:
    """When another took it over, the late first run leaves the row alone."""

    def run(*, now: datetime) -> None:
        Periodic.objects.filter(name="bells.slow").update(tries=7, error="the other one's")

    clock.every("0 0 1 1 *", name="bells.slow")(run)
    periodic.ensure()
    periodic.run_now("bells.slow")
    drain("bells.slow")
    row = Periodic.objects.get(name="bells.slow")
    assert (row.tries, row.error) == (7, "the other one's")


def test_a_changed_crontab_moves_the_next_moment(tower: Tower) -> None:
    """A new expression in the code is taken over by the row."""
    Sweep("0 0 1 1 *")
    periodic.ensure()
    far = Periodic.objects.get(name="bells.sweep").moment
    with clock.kinds.apart():
        Sweep("*/5 * * * *")
        periodic.ensure()
        row = Periodic.objects.get(name="bells.sweep")
    assert row.moment < far
    assert row.expression == "*/5 * * * *"


def test_each_run_is_kept(tower: Tower) -> None:
    """When it began and ended, what it changed or why it failed; the row shows the last one."""
    answers: list[object] = [17, RuntimeError("no paper"), None]

    def run(*, now: datetime) -> int | None:
        clock.shift(timedelta(seconds=3))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    clock.every("0 0 1 1 *", name="bells.count")(run)
    periodic.ensure()
    seen = []
    for _ in range(3):
        periodic.run_now("bells.count")
        drain("bells.count")
        row = Periodic.objects.get(name="bells.count")
        seen.append((row.changed, row.error.partition(" (")[0], row.took // timedelta(seconds=1)))
    assert seen == [(17, "", 3), (None, "RuntimeError: no paper", 3), (None, "", 3)]
    kept = [(run.changed, run.error[:12]) for run in Run.objects.order_by("pk")]
    assert kept == [(17, ""), (None, "RuntimeError"), (None, "")]
    assert all(run.ended_at - run.started_at >= timedelta(seconds=3) for run in Run.objects.all())


def test_a_run_that_was_cut_off_has_no_end(tower: Tower) -> None:
    """What a killed process leaves behind; the next run is one of its own."""

    def run(*, now: datetime) -> None:
        raise KeyboardInterrupt

    clock.every("0 0 1 1 *", name="bells.cut")(run)
    periodic.ensure()
    periodic.run_now("bells.cut")
    with pytest.raises(KeyboardInterrupt):
        drain("bells.cut")
    assert Run.objects.get().ended_at is None


def test_old_runs_are_forgotten(tower: Tower, settings: Any) -> None:
    """After a time that can be chosen; what is younger stays."""
    sweep = Sweep()
    periodic.ensure()
    for _ in range(2):
        periodic.run_now("bells.sweep")
        drain("bells.sweep")
    old = Run.objects.order_by("pk")[0]
    Run.objects.filter(pk=old.pk).update(started_at=clock.now() - settings.PERIODIC_RUNS_KEPT)
    tidy(now=clock.now())
    assert [run.pk for run in Run.objects.all()] == [old.pk + 1]
    assert len(sweep.runs) == 2
