"""A session ends while the outage before is being written: its record is the same whenever it is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from shigu.auctions import beating, recording
from shigu.auctions.beating import beat
from shigu.auctions.withdrawing import withdraw_session
from shigu.clock.drain import drain
from tests.auctions.house import Alipay
from tests.auctions.sale import Sale, go_to
from tests.races.together import settled_or_blocked, start, stopped_at

DARK = "INSERT INTO auctions_heartbeat VALUES ('web', clock_timestamp() - interval '1 min')"


def ends(sale: Sale) -> None:
    """With its last lot, which was closed before."""
    drain("auctions.turn")


def is_withdrawn(sale: Sale) -> None:
    """Before its last lot."""
    withdraw_session(sale.session.pk, why="The roof leaks")


def outage_before_the_end(end: Callable[[Sale], None]) -> None:
    """After a minute without a beat the next one has told so, but not committed it, when the session ends."""
    sale = Sale({}).live()
    if end is ends:
        go_to(sale.session.closes_at, ring=False)
        drain("auctions.close")
    with connection.cursor() as cursor:
        cursor.execute(DARK)
    with stopped_at("auctions.beat.noted") as stop:
        beater = start(lambda: beat("web"))
        stop.wait()
        ending = start(lambda: end(sale))
        settled_or_blocked(ending)
        early = recording.seal(sale.session.pk) if ending.is_done else None
        stop.release()
        assert (beater.result() is not None, ending.result()) == (True, None)
    said = "".join(recording.lines(sale.session.pk))
    assert '"what": "outage"' in said
    assert early in (None, recording.seal(sale.session.pk)), "an outage joined it"


@pytest.mark.parametrize("end", [ends, is_withdrawn])
def test_an_outage_is_told_before_a_session_ends(
    house: Alipay, end: Callable[[Sale], None]
) -> None:
    """Whoever ends the session waits for the row, so there is no record without it."""
    outage_before_the_end(end)


@pytest.mark.parametrize("end", [ends, is_withdrawn])
def test_control_an_end_that_does_not_wait_is_sealed_too_early(
    house: Alipay, monkeypatch: pytest.MonkeyPatch, end: Callable[[Sale], None]
) -> None:
    """Negative control: without the wait there are two records of one session."""
    monkeypatch.setattr(beating, "told", lambda: None)
    with pytest.raises(AssertionError, match="an outage joined it"):
        outage_before_the_end(end)
