"""The kinds of things that ring, and the three decorators that declare them.

A kind is a name ("orders.expire"), the rows it concerns (model, due column, which of them are
alive) and a handler. Declared once, when an app's `handlers.py` is imported; found by name or by
the decorated function with `find`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.apps import apps
from django.conf import settings
from django.db.models import Model, Q
from django.utils.functional import Promise

from shigu.clock.backoff import Backoff
from shigu.clock.errors import UnknownKind

M = TypeVar("M", bound=Model)
T = TypeVar("T")


Urgency = Literal["auction", "order", "outside", "sweep"]
"""Who waits for it: bidders, buyers, an answer from outside, nobody. A fleet has a queue for each."""

ALARM = timedelta(seconds=60)
ALARM_OF_AUCTIONS = timedelta(seconds=5)
"""A room full of bidders waits."""


class RingHandler(Protocol):
    """Changes the rows of `ids` and everything that follows, set-based; says how many it changed."""

    def __call__(self, ids: list[int], /, *, now: datetime) -> int | None: ...


class PeriodicHandler(Protocol):
    """Does its work; says how many rows, months or pages it changed, where that can be counted."""

    def __call__(self, *, now: datetime) -> int | None: ...


R = TypeVar("R", bound=RingHandler)
P = TypeVar("P", bound=PeriodicHandler)


@dataclass(eq=False)
class Kind(ABC):
    """What all kinds share; `among` says which rows of the model are alive at all."""

    name: str
    due: str
    among: Q
    urgency: Urgency = field(default="sweep", init=False)

    @property
    def alarm(self) -> timedelta:
        """How long overdue its oldest row may be before operators are told."""
        return ALARM_OF_AUCTIONS if self.urgency == "auction" else ALARM

    @property
    @abstractmethod
    def model(self) -> type[Model]:
        """The rows that it concerns."""


@dataclass(eq=False)
class Rings(Kind):
    """Effects inside our database: claim and effect in one transaction."""

    handler: RingHandler
    subject: type[Model]
    holds: bool = False

    @property
    def model(self) -> type[Model]:
        return self.subject

    @property
    def aim(self) -> float:
        """Seconds one batch may take: short where it holds rows that buyers wait for."""
        return 0.05 if self.holds else 0.25


@dataclass(eq=False)
class Leased(Kind, ABC):
    """Kinds whose claim pushes the due column a lease ahead and counts the try."""

    tries: str
    lease: timedelta
    retry: Backoff


@dataclass(eq=False)
class Calls(Leased, Generic[M, T]):
    """The outside world: claim, commit, call, record. Calling it calls the function itself."""

    handler: Callable[[M], T]
    subject: type[M]
    at_once: int = 8
    shown_after: int = 5
    record: Callable[..., None] | None = field(default=None, init=False)

    @property
    def model(self) -> type[Model]:
        return self.subject

    def __call__(self, subject: M) -> T:
        return self.handler(subject)

    def records(self, recorder: Callable[..., None]) -> Callable[..., None]:
        """Decorate what writes the answer down: `(pk, answer, *, tries)`, its own transaction."""
        self.record = recorder
        return recorder


@dataclass(eq=False)
class Every(Leased):
    """Periodic work: its next moment is a row of `Periodic`."""

    handler: PeriodicHandler
    expression: str
    zone: ZoneInfo
    title: str | Promise = ""

    @cached_property
    def model(self) -> type[Model]:
        return apps.get_model("clock", "Periodic")


_known: dict[str, Kind] = {}


def known() -> list[Kind]:
    """All declared kinds, by name."""
    return [kind for _, kind in sorted(_known.items())]


def find(kind: str | Kind | Callable[..., Any]) -> Kind:
    """The kind of this name, or the one declared on this function."""
    if isinstance(kind, Kind):
        return kind
    found = _known.get(kind) if isinstance(kind, str) else _by_handler(kind)
    if found is None:
        raise UnknownKind(kind=kind)
    return found


@contextmanager
def apart() -> Iterator[None]:
    """For tests: inside, only what is declared inside is known."""
    kept = dict(_known)
    _known.clear()
    try:
        yield
    finally:
        _known.clear()
        _known.update(kept)


def rings(
    model: type[Model],
    *,
    due: str,
    among: Q | None = None,
    holds: bool = False,
    urgency: Urgency | None = None,
    name: str = "",
) -> Callable[[R], R]:
    """Rows of `model` ring at `due`; `holds` where their batch locks what buyers wait for."""

    def declare(handler: R) -> R:
        kind = Rings(name or _name(handler), due, among or Q(), handler, model, holds)
        kind.urgency = urgency or ("order" if holds else "sweep")
        _declare(kind)
        return handler

    return declare


def calls(
    model: type[M],
    *,
    due: str,
    tries: str,
    among: Q | None = None,
    lease: timedelta = timedelta(seconds=60),
    retry: Backoff | None = None,
    at_once: int = 8,
    name: str = "",
) -> Callable[[Callable[[M], T]], Calls[M, T]]:
    """The outside is called about rows of `model` at `due`, `at_once` of them together.

    `lease` is more than twice the summed time-outs of one call; `tries` is the integer column in
    which claims are counted.
    """

    def declare(handler: Callable[[M], T]) -> Calls[M, T]:
        kind: Calls[M, T] = Calls(
            name or _name(handler),
            due,
            among or Q(),
            tries,
            lease,
            retry or Backoff(first=timedelta(seconds=5), most=timedelta(minutes=10)),
            handler,
            model,
            at_once,
        )
        kind.urgency = "outside"
        _declare(kind)
        return kind

    return declare


def every(
    expression: str,
    *,
    zone: str = "",
    lease: timedelta = timedelta(minutes=10),
    retry: Backoff | None = None,
    urgency: Urgency = "sweep",
    name: str = "",
    title: str | Promise = "",
) -> Callable[[P], P]:
    """Runs at each moment of a crontab `expression` in `zone` (the shop's own by default).

    `title` is what operators read.
    """
    place = ZoneInfo(zone or settings.TIME_ZONE)
    CronSim(expression, datetime(2000, 1, 1, tzinfo=place))  # a bad expression fails at import

    def declare(handler: P) -> P:
        called = name or _name(handler)
        kind = Every(
            called,
            "due_at",
            Q(name=called),
            "tries",
            lease,
            retry or Backoff(most=timedelta(minutes=10)),
            handler,
            expression,
            place,
            title,
        )
        kind.urgency = urgency
        _declare(kind)
        return handler

    return declare


def _declare(kind: Kind) -> None:
    if kind.name in _known:
        raise ValueError(f"two kinds are named {kind.name!r}")
    _known[kind.name] = kind


def _by_handler(handler: Callable[..., Any]) -> Kind | None:
    return next((k for k in _known.values() if handler in (k, getattr(k, "handler", None))), None)


def _name(handler: Callable[..., Any]) -> str:
    """`<app label>.<function name>`; outside of any app, the module's own last name."""
    module = handler.__module__
    app = apps.get_containing_app_config(module)
    return f"{app.label if app else module.rpartition('.')[2]}.{handler.__name__}"
