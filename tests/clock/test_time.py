"""One clock, the database's; it can be moved in tests and nowhere in production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from shigu import clock
from shigu.clock import checks, time
from shigu.clock.drain import drain
from tests.clock.conftest import Tower

HOUR = timedelta(hours=1)
CLOSE = timedelta(seconds=5)


def sql_now(function: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}()")
        moment: datetime = cursor.fetchone()[0]
    return moment


@pytest.mark.django_db
def test_now_is_the_databases_and_aware() -> None:
    """`now()` is UTC and what PostgreSQL says."""
    moment = clock.now()
    assert moment.tzinfo is UTC
    assert abs(moment - sql_now("clock_timestamp")) < CLOSE


@pytest.mark.django_db
def test_now_goes_on_within_a_transaction() -> None:
    """Within one transaction `now()` still moves on, as a decision after a lock needs."""
    assert clock.now() < clock.now()


@pytest.mark.django_db
@pytest.mark.parametrize("function", ["shigu_now", "shigu_clock"])
def test_shifts_add_up_and_end(function: str) -> None:
    """Nested shifts add up, each ends with its block, and SQL sees the same as Python."""
    real = sql_now(function)
    with clock.shifted(HOUR), clock.shifted(HOUR / 2):
        assert abs(sql_now(function) - real - HOUR * 1.5) < CLOSE
        assert clock.offset() == HOUR * 1.5
        assert abs(clock.now() - real - HOUR * 1.5) < CLOSE
    assert clock.offset() == timedelta(0)
    assert abs(sql_now(function) - real) < CLOSE


@pytest.mark.django_db
def test_a_shift_ends_also_after_an_error() -> None:
    """An error inside the block moves the clock back all the same."""
    with pytest.raises(ValueError, match="x"), clock.shifted(HOUR):
        raise ValueError("x")
    assert clock.offset() == timedelta(0)


@pytest.mark.django_db
def test_a_shift_in_a_broken_transaction_raises_the_real_error() -> None:
    """Where the transaction is broken already, its own error is seen and the rollback moves back."""
    with (
        pytest.raises(Exception, match="nonsense"),
        transaction.atomic(),
        clock.shifted(HOUR),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT nonsense")
    assert clock.offset() == timedelta(0)


def test_moved_time_makes_things_due(tower: Tower) -> None:
    """What is due in an hour rings once the clock is moved there, in every connection."""
    tower.declare()
    tower.hang(1, ago=-HOUR)
    assert drain("bells.ring").claimed == 0
    with clock.shifted(HOUR):
        assert drain("bells.ring").claimed == 1


@pytest.mark.django_db
def test_a_real_clock_cannot_be_moved() -> None:
    """On production functions there is no offset: shifting is refused and changes nothing."""
    clock.forbid_shifting()
    assert clock.offset() == timedelta(0)
    with pytest.raises(clock.ShiftRefused):
        clock.shift(HOUR)
    assert abs(clock.now() - sql_now("clock_timestamp")) < CLOSE
    assert "clock_offset" not in source("shigu_now") + source("shigu_clock")


def source(function: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [function])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_settings_may_forbid_it(settings: Any) -> None:
    """Without CLOCK_MAY_SHIFT neither the functions nor the offset change."""
    settings.CLOCK_MAY_SHIFT = False
    with pytest.raises(clock.ShiftRefused):
        clock.shift(HOUR)
    with pytest.raises(clock.ShiftRefused):
        clock.allow_shifting()
    assert clock.offset() == timedelta(0)


@pytest.mark.parametrize("production", [False, True])
@pytest.mark.parametrize("may_shift", [False, True])
def test_production_refuses_settings_that_allow_it(
    settings: Any, production: bool, may_shift: bool
) -> None:
    """Only the two together are an error."""
    settings.PRODUCTION, settings.CLOCK_MAY_SHIFT = production, may_shift
    found = [message.id for message in checks.clock_stands_still()]
    assert found == (["clock.E001"] if production and may_shift else [])


@pytest.mark.django_db
def test_production_refuses_a_database_that_was_a_demos(settings: Any) -> None:
    """A database whose functions add an offset is an error in production until it is made real."""
    assert checks.database_clock_is_real(databases=["default"]) == []
    settings.PRODUCTION = True
    assert [m.id for m in checks.database_clock_is_real(databases=["default"])] == ["clock.E002"]
    time.forbid_shifting()
    assert checks.database_clock_is_real(databases=["default"]) == []


@pytest.mark.django_db
def test_shigu_now_is_stable_and_shigu_clock_is_not() -> None:
    """The claim's clock may be an index condition; the decision's may not be cached."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, provolatile FROM pg_proc WHERE proname LIKE 'shigu%%'", [])
        assert dict(cursor.fetchall()) == {"shigu_now": "s", "shigu_clock": "v"}
