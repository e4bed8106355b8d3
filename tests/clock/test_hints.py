"""Hints reach the runner of this machine on commit, carry a name only, and may all be lost."""

from __future__ import annotations

import select
import threading
from typing import Any

import pytest
from django.db import transaction

from shigu import clock
from shigu.clock import hints
from tests.clock.conftest import Tower


def heard(ear: hints.Ear, seconds: float = 1.0) -> set[str]:
    select.select(ear.sockets, [], [], seconds)
    return ear.heard()


def test_heard_on_commit_only(tower: Tower) -> None:
    """A hint is sent when the transaction commits; one rolled back is never sent."""
    tower.declare()
    ear = hints.Ear()
    with transaction.atomic():
        clock.hint("bells.ring")
        assert heard(ear, 0) == set()
    assert heard(ear) == {"bells.ring"}
    with transaction.atomic():
        clock.hint(tower.ring)
        transaction.set_rollback(True)
    assert heard(ear, 0.05) == set()
    ear.close()


def test_the_function_itself_may_be_named(tower: Tower) -> None:
    """`hint(expire)` is `hint("orders.expire")`."""

    def ring(ids: list[int], *, now: Any) -> None: ...

    tower.declare(ring)
    ear = hints.Ear()
    clock.hint(ring)
    assert heard(ear) == {"bells.ring"}
    ear.close()


def test_nobody_listening_is_no_fault(tower: Tower) -> None:
    """Without a runner a hint does nothing, and the transaction commits."""
    tower.declare()
    with transaction.atomic():
        tower.hang(1)
        clock.hint("bells.ring")
    assert tower.waiting() == 1
    assert not hints.send("bells.ring")


def test_an_unread_ear_blocks_nobody(tower: Tower) -> None:
    """Thousands of hints that nobody reads are dropped, never waited for."""
    tower.declare()
    ear = hints.Ear()
    done = threading.Event()

    def flood() -> None:
        for _ in range(5000):
            hints.send("bells.ring")
        done.set()

    threading.Thread(target=flood, daemon=True).start()
    assert done.wait(5)
    assert heard(ear) == {"bells.ring"}
    ear.close()


def test_a_second_runner_leaves_the_first_its_ear(tower: Tower) -> None:
    """Only one runner of a machine hears; the other polls, and takes over when it is gone."""
    tower.declare()
    first, second = hints.Ear(), hints.Ear()
    assert first.sockets
    assert not second.sockets
    first.close()
    third = hints.Ear()
    hints.send("bells.ring")
    assert heard(third) == {"bells.ring"}
    third.close()


def test_an_ear_left_by_a_killed_runner_is_replaced(tower: Tower) -> None:
    """A socket file nobody listens on any more does not keep a new runner from listening."""
    killed = hints.Ear()
    for left in killed.sockets:
        left.close()
    assert hints.address().exists()
    ear = hints.Ear()
    assert ear.sockets
    ear.close()
    assert not hints.address().exists()


def test_a_path_too_long_for_a_socket_is_borne(tower: Tower, settings: Any, tmp_path: Any) -> None:
    """Where the folder's name is too long for a socket there are no hints, and no error."""
    settings.VAR_DIR = tmp_path / ("x" * 120)
    assert hints.Ear().sockets == []
    assert not hints.send("bells.ring")


def test_an_unknown_kind_is_told(tower: Tower) -> None:
    """A misspelt hint fails where it is written."""
    with pytest.raises(clock.UnknownKind):
        clock.hint("bells.rign")
