"""One committer per process and SKU: those who wait for the same hot row are placed together.

The first to come leads: it places whoever is waiting in its lane, in one transaction, while newcomers
gather for the next one; then it hands the lead to the first of them. One commit serves many, so a hot
SKU sells as fast as the process can think, not as fast as the disk can turn, and nobody waits for more
than one commit besides its own. Across processes the row lock orders the groups.

`place` is the one door for placing an order.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import Error as DatabaseError

from shigu.kit.errors import Refusal
from shigu.orders.admission import Placing
from shigu.orders.placing import Answer, Placed, place_many

MOST_TOGETHER = 64


@dataclass(slots=True)
class Ticket:
    """One waiting request: woken either with its answer or to lead the next group."""

    placing: Placing
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    answer: Answer | BaseException | None = None


class Lane:
    """The requests of one process that wait for one SKU."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Ticket] = []
        self._led = False

    def place(self, placing: Placing) -> Answer:
        """Join, lead if it is this request's turn, and return its answer."""
        ticket = Ticket(placing)
        with self._lock:
            self._waiting.append(ticket)
            ticket.leads, self._led = not self._led, True
        if not ticket.leads:
            ticket.woken.wait()
        if ticket.leads:
            self._place_first_group()
        if isinstance(ticket.answer, BaseException) and not isinstance(ticket.answer, Refusal):
            raise ticket.answer
        assert ticket.answer is not None
        return ticket.answer

    def _place_first_group(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            _answer(group)
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._led = heir is not None
            for ticket in group:
                ticket.woken.set()
            if heir:
                heir.leads = True
                heir.woken.set()


def _answer(group: list[Ticket]) -> None:
    """Place a group. Where the database refuses all of it, each request gets its own transaction."""
    try:
        answers = place_many([ticket.placing for ticket in group])
    except DatabaseError as error:
        if len(group) == 1:
            group[0].answer = error
        for ticket in group if len(group) > 1 else ():
            _answer([ticket])
    except BaseException as error:
        for ticket in group:
            ticket.answer = error
        raise
    else:
        for ticket, answer in zip(group, answers, strict=True):
            ticket.answer = answer


_lanes: defaultdict[int, Lane] = defaultdict(Lane)


def place(placing: Placing) -> Placed:
    """Place one order; raises the Refusal that says why not. Call it outside any transaction."""
    lane = _lanes[min((choice.sku_id for choice in placing.choices), default=0)]
    answer = lane.place(placing)
    if isinstance(answer, Refusal):
        raise answer
    return answer
