"""A batch's size follows how long it holds what others want, never how long it stood in line for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from shigu import clock
from shigu.clock.claiming import Claimed
from shigu.clock.drain import drain
from shigu.clock.kinds import Rings
from shigu.clock.memory import LEAST, Memory
from tests.clock.bells import Tower as Wanted
from tests.clock.conftest import Tower

WAIT = 0.6
"""Seconds somebody else holds the row: many times what a batch that holds may take."""


@pytest.fixture(autouse=True)
def _a_batch_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a quick batch takes on a slow machine is still brief, and `WAIT` still is not."""
    monkeypatch.setattr("shigu.clock.kinds.Rings.aim", 0.14)


@contextmanager
def held(pk: int) -> Iterator[None]:
    """Somebody else holds this row for `WAIT` seconds, on a connection of their own."""
    has_it = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Wanted.objects.select_for_update().get(pk=pk)
            has_it.set()
            threading.Event().wait(WAIT)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert has_it.wait(10)
    yield
    thread.join(10)


def next_batch(tower: Tower, say: Callable[[], None]) -> int:
    """How large the batch after one of eighty is that waits for a row, says so, and rings quickly."""
    wanted = Wanted.objects.create()

    def ring(ids: list[int], *, now: datetime) -> int:
        Wanted.objects.select_for_update().get(pk=wanted.pk)
        say()
        return tower.ring(ids, now=now)

    kind = tower.declare(ring, holds=True)
    assert isinstance(kind, Rings)
    assert kind.aim < WAIT / 4
    tower.hang(80)
    memory = Memory(batch=80)
    with held(wanted.pk):
        assert drain(kind, memory=memory, budget=0).claimed == 80
    return memory.batch


def test_waiting_for_others_does_not_make_a_batch_smaller(tower: Tower) -> None:
    """The rows came late because somebody else had them; what the batch held was brief: it is not cut."""
    assert next_batch(tower, clock.locked) > 40


def test_control_a_batch_that_does_not_say_so_shrinks(tower: Tower) -> None:
    """Negative control: counted with its wait, the same batch is cut in half."""
    assert next_batch(tower, lambda: None) == 40


def test_what_is_held_counts(tower: Tower) -> None:
    """Slow work after the lock is exactly what makes the next batch smaller."""

    def slowly() -> None:
        clock.locked()
        threading.Event().wait(WAIT)

    assert next_batch(tower, slowly) == 40


def test_a_slow_machine_does_not_make_batches_of_one() -> None:
    """Too slow ten times over, a batch stays worth its transaction; one that was halved grows anew."""
    memory = Memory(batch=80)
    for _ in range(10):
        memory.in_hand = [Claimed(pk, datetime.now(UTC)) for pk in range(memory.batch)]
        memory.committed([], seconds=10, aim=0.05)
    assert memory.batch == LEAST
    memory.batch = 1
    memory.in_hand = [Claimed(1, datetime.now(UTC))]
    memory.committed([], seconds=10, aim=0.05)
    assert memory.batch == 2
