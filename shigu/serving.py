"""What a running shop consists of: pages, event streams, the clock; each a `Part` of a crew.

Pages are WSGI and the streams a small ASGI process of their own, because each is several times
faster so. Nothing here needs Django, so that it can be said before the settings are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from shigu.kit.processes import Part, answering

GRANIAN = (sys.executable, "-m", "granian")


def pages(host: str, port: int, *, workers: int = 2, threads: int = 8) -> Part:
    """The shop's pages and its back office."""
    command = [
        *GRANIAN,
        "shigu.wsgi:application",
        *_listening("wsgi", host, port),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--backpressure", str(threads * 8), "--respawn-failed-workers"),
    ]
    return Part("pages", command, answering(reach(host), port, "/clock.json"))


def events(host: str, port: int) -> Part:
    """The event streams, by which pages learn of changes at once."""
    command = [
        *GRANIAN,
        "shigu.events:application",
        *_listening("asgi", host, port),
        "--workers",
        "1",
    ]
    return Part("events", command, answering(reach(host), port, "/events/health"))


def clock(is_up: Callable[[], bool]) -> Part:
    """What rings when something is due."""
    return Part("clock", [sys.executable, "-m", "shigu", "clock", "run"], is_up)


def reach(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host


def _listening(interface: str, host: str, port: int) -> list[str]:
    return ["--interface", interface, "--host", host, "--port", str(port), "--no-ws"]
