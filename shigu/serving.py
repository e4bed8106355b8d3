"""What a running shop consists of, and how each part is started: the one list of commands.

Pages are WSGI and the streams a small ASGI process of their own, because each is several times
faster so. One machine is rung by the embedded clock; a fleet by beats that wake and workers that drain.
The demo, `shigu serve` and every file of `shigu deploy` take their commands from here. Nothing here
needs Django or Celery, so that it can be said before the settings are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from shigu.kit.processes import Part, answering

QUEUES = {
    "order": ("auction", "order"),
    "outside": ("outside",),
    "sweep": ("sweep", "celery"),
}
"""What each group of workers drains: what buyers wait for; calls to the outside; the rest and extensions."""

LAST_CALL = 45
"""Seconds that requests in hand may take after a server was told to end; all stop waits are longer."""

SCHEDULER = "shigu.fleet.scheduler:Scheduler"


def at_once() -> bool:
    """For a part that is up as soon as it runs."""
    return True


def pages(
    host: str, port: int, *, workers: int = 2, threads: int = 8, python: str = sys.executable
) -> Part:
    """The shop's pages and its back office."""
    command = [
        *_granian(python, "shigu.wsgi:application", "wsgi", host, port),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--backpressure", str(threads * 8), "--respawn-failed-workers"),
    ]
    return Part("pages", command, answering(reach(host), port, "/clock.json"))


def events(host: str, port: int, *, python: str = sys.executable) -> Part:
    """The event streams, by which pages learn of changes at once."""
    command = [
        *_granian(python, "shigu.events:application", "asgi", host, port),
        *("--workers", "1"),
    ]
    return Part("events", command, answering(reach(host), port, "/events/health"))


def clock(is_up: Callable[[], bool] = at_once, *, python: str = sys.executable) -> Part:
    """What rings when something is due, on one machine: no broker, no workers."""
    return Part("clock", [python, "-m", "shigu", "clock", "run"], is_up)


def worker(
    group: str,
    *,
    node: str = "1",
    processes: int = 2,
    is_up: Callable[[], bool] = at_once,
    python: str = sys.executable,
) -> Part:
    """One worker of a fleet for one group of queues; `node` tells several on one machine apart."""
    command = [
        *_celery(python, "worker"),
        *("-Q", ",".join(QUEUES[group]), "-n", f"{group}-{node}@%h"),
        *("--concurrency", str(processes), "--task-events", "-l", "INFO"),
    ]
    return Part(f"worker-{group}", command, is_up)


def beat(is_up: Callable[[], bool] = at_once, *, python: str = sys.executable) -> Part:
    """What wakes the workers when something is due; two or more at once do no harm."""
    return Part("beat", [*_celery(python, "beat"), "-S", SCHEDULER, "-l", "INFO"], is_up)


def flower(host: str, port: int, *, python: str = sys.executable) -> Part:
    """The workers' window; its password comes from FLOWER_BASIC_AUTH, never from a command line."""
    command = [*_celery(python, "flower"), f"--address={host}", f"--port={port}"]
    return Part("flower", command, answering(reach(host), port, "/"))


def reach(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host


def _granian(python: str, door: str, interface: str, host: str, port: int) -> list[str]:
    listening = ["--interface", interface, "--host", host, "--port", str(port), "--no-ws"]
    # A worker that was told to end while it started never hears it: without this its server waits for ever.
    ending = ["--workers-kill-timeout", str(LAST_CALL)]
    return [python, "-m", "granian", door, *listening, *ending]


def _celery(python: str, verb: str) -> list[str]:
    return [python, "-m", "celery", "-A", "shigu", verb]
