"""Lanes: those who wait for the same hot row in one process are answered together.

The first to come leads: it answers whoever is waiting in its lane, in one transaction, while newcomers
gather for the next one; then it hands the lead to the first of them. One commit serves many, so a hot
row is as fast as the process can think, not as fast as the disk can turn, and nobody waits for more
than one commit besides its own. Across processes the row lock orders the groups.

`Lanes(answer_many).submit(key, request)` is the whole of it; each key has a lane of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import Error as DatabaseError

Q = TypeVar("Q")
A = TypeVar("A")

MOST_TOGETHER = 64
OF_ONE_ROW = ("22", "23", "40")
"""Classes of SQLSTATE that one request may have caused: data, constraint, rolled back by the database."""


class LaneFull(Exception):
    """So many wait here already that one more would wait too long; it was not taken in."""


@dataclass(slots=True)
class Ticket(Generic[Q, A]):
    """One waiting request: woken either with its answer or to lead the next group."""

    request: Q
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    answers: list[A] = field(default_factory=list)
    error: BaseException | None = None


class Lane(Generic[Q, A]):
    """The requests of one process that wait for one row."""

    def __init__(self, answer: Callable[[Sequence[Q]], Sequence[A]]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._waiting: list[Ticket[Q, A]] = []
        self._led = False
        self.inside = 0
        """Who came and has not gone: counted by `Lanes`, under its lock."""

    @property
    def waiting(self) -> int:
        """How many have not begun to be answered."""
        return len(self._waiting)

    def submit(self, request: Q, most_waiting: int) -> A:
        """Join, lead if it is this request's turn, and return its answer."""
        ticket: Ticket[Q, A] = Ticket(request)
        with self._lock:
            if len(self._waiting) >= most_waiting:
                raise LaneFull
            self._waiting.append(ticket)
            ticket.leads, self._led = not self._led, True
        if not ticket.leads:
            ticket.woken.wait()
        if ticket.leads:
            self._answer_first_group()
        if ticket.error is not None:
            raise ticket.error
        return ticket.answers[0]

    def _answer_first_group(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            self._answer_all(group)
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._led = heir is not None
            for ticket in group:
                ticket.woken.set()
            if heir:
                heir.leads = True
                heir.woken.set()

    def _answer_all(self, group: Sequence[Ticket[Q, A]]) -> None:
        """Answer a group. Where one request may have spoilt it, each gets its own transaction."""
        try:
            answers = self._answer([ticket.request for ticket in group])
        except DatabaseError as error:
            if len(group) > 1 and _is_of_one_row(error):
                for ticket in group:
                    self._answer_all([ticket])
            else:
                _fail(group, error)
        except BaseException as error:
            _fail(group, error)
            raise
        else:
            for ticket, answer in zip(group, answers, strict=True):
                ticket.answers.append(answer)


class Lanes(Generic[Q, A]):
    """A lane for each key, made when somebody comes, gone with the last; `most_waiting` wait in each."""

    def __init__(
        self, answer: Callable[[Sequence[Q]], Sequence[A]], *, most_waiting: int = 10_000
    ) -> None:
        self._answer = answer
        self._most_waiting = most_waiting
        self._lanes: dict[int, Lane[Q, A]] = {}
        self._lock = threading.Lock()

    def submit(self, key: int, request: Q) -> A:
        """Wait for the answer of the group that this request joins; call it outside any transaction."""
        lane = self._enter(key)
        try:
            return lane.submit(request, self._most_waiting)
        finally:
            self._leave(key, lane)

    def _enter(self, key: int) -> Lane[Q, A]:
        with self._lock:
            lane = self._lanes.setdefault(key, Lane(self._answer))
            lane.inside += 1
            return lane

    def _leave(self, key: int, lane: Lane[Q, A]) -> None:
        # The last one out takes it away. Taken away earlier, those who come meanwhile would each make a
        # lane of their own, and nobody would ever be answered together again.
        with self._lock:
            lane.inside -= 1
            if not lane.inside:
                del self._lanes[key]

    def waiting(self) -> int:
        """How many wait in all lanes."""
        return sum(lane.waiting for lane in list(self._lanes.values()))


def _fail(group: Sequence[Ticket[Q, A]], error: BaseException) -> None:
    for ticket in group:
        ticket.error = error


def _is_of_one_row(error: DatabaseError) -> bool:
    """A lock not to be had, or a lost connection, is everybody's: one by one it would only take longer."""
    state = str(getattr(error.__cause__, "sqlstate", None) or "")
    return state[:2] in OF_ONE_ROW
