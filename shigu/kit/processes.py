"""Several processes as one: started in order, watched together, ended by their own handles.

A `Part` says what to run and how one knows that it is up; a `Crew` starts parts, waits for them,
raises `Died` when one ends by itself, and ends them all. Children get sessions of their own, so a
Ctrl-C reaches only the crew, and on Linux they end with it even where it is killed.
"""

from __future__ import annotations

import ctypes
import http.client
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60.0
"""Seconds a part may take until it is up."""

FAREWELL = 10.0
"""Seconds a part may take to end when asked, before it is made to."""

LAST_LINES = 15
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Part:
    """One process: `is_up` is asked until it says yes; its output goes to `<name>.log`."""

    name: str
    command: Sequence[str]
    is_up: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)


class Died(Exception):
    """A part ended though nobody asked it to, or never came up."""

    def __init__(self, part: Part, why: str, log: Path) -> None:
        self.part, self.log = part, log
        self.last_lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        super().__init__(f"{part.name} {why}")


class Crew:
    """Parts that live and end together; use it as a context."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: list[tuple[Part, subprocess.Popen[bytes]]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, *parts: Part) -> None:
        """Start them all at once; `wait` says when one is up."""
        for part in parts:
            self._start(part)

    def _start(self, part: Part) -> None:
        with self._log(part).open("wb") as log:
            process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | dict(part.env),
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        self._running.append((part, process))

    def wait(self, part: Part, patience: float = PATIENCE) -> None:
        """Return when a started part is up; `Died` where it is not in time."""
        until = time.monotonic() + patience
        while not part.is_up():
            self.check()
            if time.monotonic() > until:
                raise Died(part, f"did not come up within {patience:.0f} s", self._log(part))
            time.sleep(0.05)

    def check(self) -> None:
        """Raise `Died` for the first part that ended by itself."""
        for part, process in self._running:
            if process.poll() is not None:
                raise Died(part, f"ended with status {process.returncode}", self._log(part))

    def end(self) -> None:
        """Ask all to end, the last one first; whoever does not in time is killed with its children."""
        for _, process in reversed(self._running):
            process.terminate()
        until = time.monotonic() + FAREWELL
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def pids(self) -> Iterator[tuple[str, int]]:
        """Name and process id of each part."""
        return ((part.name, process.pid) for part, process in self._running)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _log(self, part: Part) -> Path:
        return self.logs / f"{part.name}.log"


def end_with_parent() -> None:
    """In a fresh child: be asked to end when the parent is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with_server() -> None:
    """In a process that a server made for its requests: end when the server was killed.

    It would go on answering at the same port, beside the server that took the dead one's place.
    """
    if multiprocessing.parent_process() is not None and sys.platform == "linux":
        end_with_parent()


def is_free(host: str, port: int) -> bool:
    """May somebody listen there?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answering(host: str, port: int, path: str) -> Callable[[], bool]:
    """Asks whether a server says anything but a server error, a redirect or a refusal included."""

    def ask() -> bool:
        talk = http.client.HTTPConnection(host, port, timeout=5)
        try:
            talk.request("GET", path)
            return talk.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            talk.close()

    return ask
