"""One picture to be taken: its name, its address, who looks, and what they do there first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.browser.walker import Walker


class Shot(NamedTuple):
    """A page as `who` sees it ("" is a visitor), after `act`."""

    name: str
    address: str
    who: str = ""
    act: Callable[[Walker], None] | None = None
