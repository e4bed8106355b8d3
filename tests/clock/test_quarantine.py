"""Rows set aside come back by themselves or by an operator's hand; parked kinds by that only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shigu import clock
from shigu.clock import lateness, quarantine
from shigu.clock.drain import drain
from shigu.clock.models import KindState, Lateness, Quarantine
from shigu.clock.tidying import tidy
from tests.clock.bells import Bell
from tests.clock.conftest import Tower


def test_set_aside_until_its_next_try(tower: Tower) -> None:
    """A bad bell is left out of claims until its next try, which comes by itself."""
    tower.declare()
    [bad] = tower.hang(1, bad=True)
    drain("bells.ring")
    assert drain("bells.ring").claimed == 0
    with clock.shifted(timedelta(seconds=31)):
        assert drain("bells.ring").failed == 1
    entry = Quarantine.objects.get()
    assert (entry.subject, entry.attempts) == (bad, 2)


def test_success_removes_it_and_counts_from_the_first_due(tower: Tower) -> None:
    """A mended bell rings at its next try, leaves quarantine, and is late since it was first due."""
    tower.declare()
    tower.hang(1, bad=True)
    drain("bells.ring")
    Bell.objects.update(bad=False)
    with clock.shifted(timedelta(minutes=10)):
        assert drain("bells.ring").affected == 1
    assert not Quarantine.objects.exists()
    lateness.flush(at_once=True)
    assert Lateness.objects.get().bucket >= lateness.bucket(timedelta(minutes=10))


def test_try_again_at_once(tower: Tower) -> None:
    """An operator's "try again" makes the row due now, without counting from anew."""
    tower.declare()
    tower.hang(1, bad=True)
    drain("bells.ring")
    Bell.objects.update(bad=False)
    assert quarantine.try_again(Quarantine.objects.values_list("pk", flat=True)) == 1
    assert drain("bells.ring").affected == 1
    assert not Quarantine.objects.exists()


def test_try_again_of_a_row_no_longer_alive_moves_nothing(tower: Tower) -> None:
    """A bell settled meanwhile is not made due again."""
    tower.declare()
    tower.hang(1, bad=True)
    drain("bells.ring")
    Bell.objects.update(state="sold")
    before = Bell.objects.get().due_at
    assert quarantine.try_again(Quarantine.objects.values_list("pk", flat=True)) == 0
    assert Bell.objects.get().due_at == before


def test_unparked_kinds_ring_again(tower: Tower) -> None:
    """Set going again after mending, everything rings, what was set aside first."""
    tower.declare()
    hung = tower.hang(30, bad=True)
    assert drain("bells.ring").parked
    Bell.objects.update(bad=False)
    quarantine.unpark("bells.ring")
    assert drain("bells.ring").affected == 30
    assert sorted(tower.rung()) == hung
    assert not Quarantine.objects.exists()
    assert KindState.objects.get().parked_at is None


def test_unparked_too_early_parks_again_after_nine(tower: Tower) -> None:
    """Set going again with nothing mended, the kind is parked again after few calls."""
    tower.declare()
    tower.hang(1000, bad=True)
    drain("bells.ring")
    quarantine.unpark("bells.ring")
    tower.calls.clear()
    assert drain("bells.ring").parked
    assert len(tower.calls) < 60
    assert Quarantine.objects.count() <= 18


def test_eight_lasting_failures_do_not_park(tower: Tower) -> None:
    """Eight rows that fail for weeks are retried and never park the kind; good ones ring."""
    tower.declare()
    tower.hang(8, bad=True)
    for day in range(3):
        with clock.shifted(timedelta(days=day + 1)):
            good = tower.hang(2)
            assert not drain("bells.ring").parked
        assert tower.rung()[-2:] == good
    assert set(Quarantine.objects.values_list("attempts", flat=True)) == {3}


def test_tidying_forgets_rows_no_longer_alive(tower: Tower) -> None:
    """Quarantine of a bell that was settled otherwise goes away; that of a waiting one stays."""
    tower.declare()
    gone, stays = tower.hang(2, bad=True)
    drain("bells.ring")
    Bell.objects.filter(pk=gone).update(state="sold")
    tidy(now=clock.now())
    assert list(Quarantine.objects.values_list("subject", flat=True)) == [stays]


@pytest.mark.parametrize("attempts", [1, 3, 40])
def test_backoff_grows_to_an_hour(attempts: int) -> None:
    """Each failure waits twice as long, an hour at most."""
    expected = min(3600, 30 * 2 ** (attempts - 1))
    assert quarantine.BACKOFF.longest(attempts).total_seconds() == expected
