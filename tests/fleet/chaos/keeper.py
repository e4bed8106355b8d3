"""Programs, and the keeper who starts again what died, as a supervisor would.

A `Program` may be killed (its main process, one of its children, or all of it) and held down; the `Keeper`'s
thread looks every tenth of a second, and remembers when the clock's part of the fleet was not whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from shigu.kit.processes import end_with_parent
from tests.fleet.chaos.diary import Diary

LOOK = 0.1
PAUSE = 0.5
"""Seconds between a death and the next start."""

FAREWELL = 60


@dataclass(frozen=True)
class Recipe:
    """How a program is started, and how one knows that it is up."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    is_up: Callable[[Program], bool]
    user: str | None = None
    farewell: signal.Signals = signal.SIGTERM


class Program:
    """One of the fleet; every change of its process is made under its lock."""

    def __init__(self, recipe: Recipe, diary: Diary) -> None:
        self.recipe, self.diary = recipe, diary
        self.name = recipe.name
        self.wanted = self.up = False
        self.starts = 0
        self._spoke_from = 0
        self._died_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def said(self) -> str:
        """What it said since it was last started."""
        with suppress(FileNotFoundError), self.recipe.log.open("rb") as log:
            log.seek(self._spoke_from)
            return log.read().decode(errors="replace")
        return ""

    def family(self) -> list[psutil.Process]:
        """Its process and all below it; nothing where it is gone."""
        try:
            main = psutil.Process(self.pid) if self.pid else None
            return [main, *main.children(recursive=True)] if main else []
        except psutil.NoSuchProcess:
            return []

    def tend(self) -> None:
        """Start it where it is wanted and not there; see whether it is up."""
        with self._lock:
            if self._process and self._process.poll() is not None:
                self.diary.note(f"{self.name} ended with status {self._process.returncode}")
                self._gone()
            if self.wanted and not self._process and time.monotonic() - self._died_at > PAUSE:
                self._start()
            if self._process and not self.up and self.recipe.is_up(self):
                self.up = True
                self.diary.note(f"{self.name} is up")

    def kill(self, how: str = "all") -> None:
        """SIGKILL to its main process, to one of its children, or to all of it."""
        with self._lock:
            family = self.family()
            victims = {"main": family[:1], "child": family[1:2], "all": family}[how] or family
            for victim in victims:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
            if how != "child" or len(family) < 2:
                self._reap()

    def end(self, by: signal.Signals | None = None, *, patience: float = FAREWELL) -> None:
        """Tell it to end, and wait; it is killed where it does not."""
        with self._lock:
            self.up = False
            if not self._process:
                return
            family = self.family()
            with suppress(ProcessLookupError):
                self._process.send_signal(by or self.recipe.farewell)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self.diary.note(f"{self.name} did not end within {patience:g} s and was killed")
                for one in family:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
            self._reap()

    def hold(self) -> None:
        """It is not to be started until `release`."""
        self.wanted = False

    def release(self) -> None:
        self.wanted = True

    def _start(self) -> None:
        log = self.recipe.log
        self._spoke_from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                self.recipe.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=dict(self.recipe.env),
                start_new_session=True,
                preexec_fn=end_with_parent,
                user=self.recipe.user,
            )
        self.starts += 1

    def _reap(self) -> None:
        if self._process:
            self._process.wait()
            self._gone()

    def _gone(self) -> None:
        self._process, self.up, self._died_at = None, False, time.monotonic()


class Keeper:
    """Tends all programs until `close`; `broken` are the times in which nothing could ring."""

    def __init__(
        self, programs: Sequence[Program], is_whole: Callable[[], bool], diary: Diary
    ) -> None:
        self.programs, self._is_whole, self.diary = programs, is_whole, diary
        self.broken: list[tuple[float, float]] = []
        self._broken_since: float | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper")

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def open(self) -> None:
        """From now on whatever is wanted is started."""
        self._thread.start()

    def close(self) -> None:
        """End all, the last one first; processes' parents are threads, so this one ends last."""
        for program in self.programs:
            program.hold()
        for program in reversed(self.programs):
            program.end()
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def are_up(self) -> bool:
        return all(program.up for program in self.programs)

    def down(self) -> list[str]:
        return [program.name for program in self.programs if not program.up]

    def broken_until(self, now: float) -> list[tuple[float, float]]:
        """All broken times, one that lasts still included."""
        lasting = [(self._broken_since, now)] if self._broken_since else []
        return [*self.broken, *lasting]

    def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                for program in self.programs:
                    program.tend()
            except Exception as error:  # whose processes end with this thread
                self.diary.note(f"the keeper had trouble: {error!r}")
            self._watch()
            self._closing.wait(LOOK)

    def _watch(self) -> None:
        whole, now = self._is_whole(), time.time()
        if not whole and self._broken_since is None:
            self._broken_since = now
        if whole and self._broken_since is not None:
            self.broken.append((self._broken_since, now))
            self._broken_since = None


def leftovers(marker: str) -> list[psutil.Process]:
    """Processes of ours that still run: they carry `marker` in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("SHIGU_CHAOS") == marker:
                found.append(process)
    return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
