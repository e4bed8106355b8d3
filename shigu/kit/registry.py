"""The one device for calling upward: a typed table of handlers by kind.

A lower floor declares `purposes: Registry[Purpose] = Registry("payment purposes", needs=...)`;
the floor above fills it in its `handlers.py`, from `ready()`. A start-up system check fails
where a kind that occurs has no handler, so a missing door is found before the first buyer is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from django.core.checks import CheckMessage, Error

T = TypeVar("T")


class Registry(Generic[T]):
    """Handlers of one protocol by kind, each registered once."""

    known: list[Registry] = []

    def __init__(self, name: str, *, kinds: Iterable[str] = ()) -> None:
        self.name = name
        self.kinds = frozenset(kinds)
        self._handlers: dict[str, T] = {}
        Registry.known.append(self)

    def register(self, kind: str, handler: T) -> T:
        """Answer for `kind` from now on; a second handler for one kind is a programming error."""
        if kind in self._handlers:
            raise ValueError(f"{self.name}: {kind!r} has a handler already")
        self._handlers[kind] = handler
        return handler

    def __getitem__(self, kind: str) -> T:
        return self._handlers[kind]

    def __contains__(self, kind: str) -> bool:
        return kind in self._handlers

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(sorted(self._handlers.items()))

    def missing(self) -> list[str]:
        """Kinds that may occur and that nobody answers for."""
        return sorted(self.kinds - self._handlers.keys())


def check_registries(**_: object) -> list[CheckMessage]:
    """System check: every kind of every registry has its handler."""
    return [
        Error(f"{registry.name}: no handler for {kind!r}", id="shigu.E001")
        for registry in Registry.known
        for kind in registry.missing()
    ]
