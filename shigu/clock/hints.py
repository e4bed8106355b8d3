"""A hint: "something of this kind is due at once". Losing or doubling every one does no harm.

`hint(kind)` sends the kind's name, and nothing else, when the current transaction commits: to the
embedded runner's socket, and to every carrier that was registered with `carry` (a fleet's broker).
Never NOTIFY: it takes a lock of the whole cluster at commit. `Ear` is the runner's end.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from shigu.clock.kinds import Kind, find

log = structlog.get_logger(__name__)

Carrier = Callable[[Kind], None]
"""Takes a hint further. It returns at once and never fails: it is called in a buyer's request."""

_carriers: list[Carrier] = []


def carry(carrier: Carrier) -> None:
    """From now on hints of this process go to `carrier`, too."""
    if carrier not in _carriers:
        _carriers.append(carrier)


def carry_no_more(carrier: Carrier) -> None:
    """And now they no longer do."""
    if carrier in _carriers:
        _carriers.remove(carrier)


def hint(kind: str | Kind | Callable[..., Any]) -> None:
    """Something of `kind` is due as soon as this transaction commits."""
    transaction.on_commit(partial(pass_on, find(kind)), robust=True)


def pass_on(kind: Kind) -> None:
    """Tell whoever may drain it, now."""
    send(kind.name)
    for carrier in _carriers:
        carrier(kind)


def address() -> Path:
    """Where the runner of this machine listens."""
    return Path(settings.VAR_DIR) / "clock.sock"


def send(name: str) -> bool:
    """Tell the runner of this machine; False where nobody listens, which is no fault."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        try:
            out.sendto(name.encode(), str(address()))
        except OSError:
            return False
    return True


class Ear:
    """Listens for hints; where it cannot (a long path, another runner), the poll is enough."""

    def __init__(self) -> None:
        self._socket = _listen(address())

    @property
    def sockets(self) -> list[socket.socket]:
        """What to `select` on."""
        return [self._socket] if self._socket else []

    def heard(self) -> set[str]:
        """Names hinted at since the last time."""
        names = set()
        with suppress(BlockingIOError):
            while self._socket:
                names.add(self._socket.recv(200).decode(errors="replace"))
        return names

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            address().unlink(missing_ok=True)
            self._socket = None


def _listen(path: Path) -> socket.socket | None:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        if _is_heard(path):
            raise OSError("another runner listens there")
        path.unlink(missing_ok=True)
        ear.bind(str(path))
    except OSError as error:
        ear.close()
        log.info("clock.no_hints", path=str(path), error=str(error))
        return None
    path.chmod(0o660)
    ear.setblocking(False)
    return ear


def _is_heard(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
