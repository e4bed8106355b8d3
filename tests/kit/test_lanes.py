"""Lanes: who waits together is answered together; a spoilt group is taken apart only where that helps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import psycopg
import pytest
from django.db import DataError, OperationalError

from shigu.kit.lanes import LaneFull, Lanes

PATIENCE = 20.0


class Counter:
    """Answers each number with itself, and remembers its groups; the first group waits for `go`."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.go.wait(PATIENCE)
        return list(numbers)


def caused(error: Exception, sqlstate: str | None) -> Exception:
    """As Django raises it: with the driver's own error as its cause."""
    error.__cause__ = psycopg.Error()
    error.__cause__.sqlstate = sqlstate  # type: ignore[attr-defined]
    return error


def in_line(lanes: Lanes[int, int], numbers: Sequence[int]) -> list[Callable[[], object]]:
    """Send them one after the other into lane 1; what each was told, or the error it met."""
    told: dict[int, object] = {}

    def send(number: int) -> None:
        try:
            told[number] = lanes.submit(1, number)
        except Exception as error:
            told[number] = error

    sides = []
    for place, number in enumerate(numbers):
        side = threading.Thread(target=send, args=(number,), daemon=True)
        side.start()
        sides.append(side)
        while place and lanes.waiting() < place:
            pass
        if not place:
            assert lanes._answer.begun.wait(PATIENCE)  # type: ignore[attr-defined]

    def answer(number: int, side: threading.Thread) -> object:
        side.join(PATIENCE)
        return told[number]

    return [lambda n=n, s=s: answer(n, s) for n, s in zip(numbers, sides, strict=True)]  # type: ignore[misc]


def test_who_waits_together_is_answered_together_in_order() -> None:
    """The first goes alone; a hundred who come meanwhile are two groups, in the order of their coming."""
    count = Counter()
    lanes: Lanes[int, int] = Lanes(count)
    asked = in_line(lanes, range(101))
    count.go.set()
    assert [ask() for ask in asked] == list(range(101))
    assert count.groups == [[0], list(range(1, 65)), list(range(65, 101))]
    assert not lanes._lanes, "a lane that nobody needs is kept"


def test_who_comes_again_and_again_is_answered_together_still() -> None:
    """Sixteen who come back a hundred times each: one group at a time, and far fewer groups than requests."""
    together, at_once, groups = [0], [], []

    def answer(numbers: Sequence[int]) -> list[int]:
        together[0] += 1
        at_once.append(together[0])
        groups.append(len(numbers))
        time.sleep(0.001)
        together[0] -= 1
        return list(numbers)

    lanes: Lanes[int, int] = Lanes(answer)
    sides = [
        threading.Thread(target=lambda: [lanes.submit(1, n) for n in range(100)], daemon=True)
        for _ in range(16)
    ]
    for side in sides:
        side.start()
    for side in sides:
        side.join(PATIENCE)
    assert sum(groups) == 1600
    assert max(at_once) == 1, "one row has two lanes"
    assert len(groups) < 800
    assert not lanes._lanes


def test_other_keys_have_lanes_of_their_own() -> None:
    """Whoever wants another row does not wait."""
    count = Counter()
    lanes: Lanes[int, int] = Lanes(count)
    [first] = in_line(lanes, [1])
    second = threading.Thread(target=lambda: lanes.submit(2, 2), daemon=True)
    second.start()
    while len(count.groups) < 2:
        pass
    count.go.set()
    second.join(PATIENCE)
    assert first() == 1


def test_a_full_lane_takes_nobody_in() -> None:
    """Two may wait; the third is told at once, and those who wait are answered."""
    count = Counter()
    lanes: Lanes[int, int] = Lanes(count, most_waiting=2)
    asked = in_line(lanes, [1, 2, 3])
    with pytest.raises(LaneFull):
        lanes.submit(1, 4)
    count.go.set()
    assert [ask() for ask in asked] == [1, 2, 3]


class Spoilt(Counter):
    """Fails whenever 3 is among them."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        answers = super().__call__(numbers)
        if 3 in numbers:
            raise self.error
        return answers


@pytest.mark.parametrize("sqlstate", ["22003", "23505", "40P01"])
def test_one_bad_request_spoils_nobody_elses(sqlstate: str) -> None:
    """Data, a constraint, a deadlock: each of the group gets a transaction of its own."""
    bad = caused(DataError("3"), sqlstate)
    count = Spoilt(bad)
    asked = in_line(Lanes(count), [1, 2, 3, 4])
    count.go.set()
    assert [ask() for ask in asked] == [1, 2, bad, 4]
    assert count.groups == [[1], [2, 3, 4], [2], [3], [4]]


@pytest.mark.parametrize("sqlstate", ["55P03", "57014", "57P01", None])
def test_what_is_everybodys_is_told_everybody_at_once(sqlstate: str | None) -> None:
    """A lock not to be had or a lost connection: one by one, sixty-four would wait sixty-four times as long."""
    bad = caused(OperationalError("away"), sqlstate)
    count = Spoilt(bad)
    asked = in_line(Lanes(count), [1, 2, 3, 4])
    count.go.set()
    assert [ask() for ask in asked] == [1, bad, bad, bad]
    assert count.groups == [[1], [2, 3, 4]]


def test_a_leader_that_breaks_hands_on_the_lead() -> None:
    """Its group gets the error; whoever came meanwhile is answered."""
    count = Spoilt(ValueError("3"))
    lanes: Lanes[int, int] = Lanes(count)
    asked = in_line(lanes, [3, 1, 2])
    count.go.set()
    assert isinstance(asked[0](), ValueError)
    assert [ask() for ask in asked[1:]] == [1, 2]
    assert lanes.submit(1, 5) == 5
