"""Named places in the code where a race test may stop one side and let the other pass.

`reached("orders.settle.locked")` does nothing in production: no hook is installed, and a dict
look-up in an empty dict is all it costs. Tests install hooks with `at(name, action)`; a hook may
wait on an event, raise, or end the process. Names are `app.verb.moment`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_hooks: dict[str, Callable[[], None]] = {}


def reached(name: str) -> None:
    """Tell whoever listens that this place was reached; without a listener, nothing."""
    if _hooks and (hook := _hooks.get(name)):
        hook()


@contextmanager
def at(name: str, action: Callable[[], None]) -> Iterator[None]:
    """Run `action` each time `name` is reached, in the thread that reached it."""
    _hooks[name] = action
    try:
        yield
    finally:
        _hooks.pop(name, None)
