"""What a notice says: a `Letter`, written in the reader's language by whoever knows the event.

The app in which an event happens registers its `Event` in `events`, in its `handlers.py`; channels and
pages only show what it writes. `letters(notices)` writes for many at once, without a query per row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from django.utils.functional import Promise

from shigu.kit.money import Fen
from shigu.kit.registry import Registry
from shigu.notices.models import Notice


class Tone(StrEnum):
    """How it wants to be looked at: yours (jade), look here soon (amber), or just so."""

    PLAIN = ""
    GOOD = "good"
    SOON = "soon"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing in a letter, with what it costs where that matters."""

    name: str
    more: str = ""
    amount: Fen | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """Words in the language that was active when it was written; `page` is a path of the shop."""

    title: str
    text: str
    page: str
    act: str
    tone: Tone = Tone.PLAIN
    note: str = ""
    """The sentence that is the product: what came back."""
    rows: tuple[Row, ...] = field(default=())
    total: Row | None = None


class Event(Protocol):
    """One kind of thing that people are told of."""

    @property
    def word(self) -> str | Promise:
        """What it is called where one chooses what to hear of."""

    @property
    def place(self) -> int:
        """Where it stands in that list."""

    def letters(self, notices: Sequence[Notice]) -> Mapping[int, Letter]:
        """A letter by each notice's id; left out where its subject is gone."""

    def still(self, notice: Notice) -> bool:
        """Is it still worth telling? Asked just before it leaves the house."""


events: Registry[Event] = Registry("events that people are told of")


def letters(notices: Iterable[Notice]) -> dict[int, Letter]:
    """What each of these says, by its id, a fixed number of queries for each kind of event."""
    kinds: dict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        kinds[notice.event].append(notice)
    return {
        pk: letter
        for name, group in kinds.items()
        if name in events
        for pk, letter in events[name].letters(group).items()
    }
