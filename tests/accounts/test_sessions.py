"""Sessions that are over are deleted, those that run are not; sessions keep real time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session

from shigu import clock
from shigu.accounts import sessions
from shigu.accounts.sessions import forget_sessions

pytestmark = pytest.mark.django_db


def session(key: str, **left: float) -> None:
    ends = datetime.now(tz=UTC) + timedelta(**left)
    Session.objects.create(session_key=key, session_data="x", expire_date=ends)


def test_what_is_over_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, in as many chunks as it takes; running twice finds nothing more."""
    monkeypatch.setattr(sessions, "CHUNK", 2)
    for number in range(5):
        session(f"old-{number}", minutes=-1)
    session("going", minutes=1)
    assert forget_sessions(now=clock.now()) == 5
    assert forget_sessions(now=clock.now()) == 0
    assert [row.session_key for row in Session.objects.all()] == ["going"]


def test_a_moved_clock_signs_nobody_out() -> None:
    """The shop's clock a year ahead: a session that really runs stays."""
    session("going", minutes=1)
    with clock.shifted(timedelta(days=365)):
        assert forget_sessions(now=clock.now()) == 0
