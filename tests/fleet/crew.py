"""Workers and schedulers as processes of their own, as a shop would start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from tests.fleet.brokers import PATIENCE

SCHEDULER = "shigu.fleet.scheduler:Scheduler"


def address_of(database: str) -> str:
    """`DATABASE_URL` with another database's name."""
    head, _, tail = os.environ["DATABASE_URL"].partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{tail}"


class Crew:
    """`worker()` and `beat()` start one each; `end()` ends all that still runs."""

    def __init__(self, broker: str, database: str, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.address = address_of(database)
        self.members: list[subprocess.Popen[bytes]] = []

    def worker(self, *options: str, concurrency: int = 2, **env: str) -> subprocess.Popen[bytes]:
        """A worker that is up and reads its queues."""
        name = f"w{len(self.members)}@localhost"
        command = ["worker", "-n", name, "-c", str(concurrency), "-l", "info", *options]
        process = self._start(command, env)
        self._until_said(process, f"{name} ready")
        return process

    def beat(self, scheduler: str = SCHEDULER, **env: str) -> subprocess.Popen[bytes]:
        return self._start(["beat", "-S", scheduler, "-l", "info"], env)

    def end(self) -> None:
        """All end when asked to, sooner or later; one that does not is a fault."""
        for process in self.members:
            if process.poll() is None:
                process.terminate()
        _, stubborn = psutil.wait_procs(self._alive(), timeout=PATIENCE)
        for process in self.members:
            if process.poll() is None:
                kill(process)
        assert not stubborn

    def _alive(self) -> list[Any]:
        return [psutil.Process(one.pid) for one in self.members if one.poll() is None]

    def said(self, process: subprocess.Popen[bytes]) -> str:
        return (self.folder / f"{self.members.index(process)}.log").read_text(errors="replace")

    def _start(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self.members)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "shigu", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=os.environ | self._environment() | env,
            )
        self.members.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            "CELERY_BROKER_URL": self.broker,
            "CELERY_SKIP_CHECKS": "1",
            "DATABASE_URL": self.address,
            "DJANGO_SETTINGS_MODULE": "tests.fleet.extended",
            "SHIGU_CLOCK_POLL": "0.3",
            "SHIGU_POOLED": "1",
            "SHIGU_VAR": str(self.folder / "var"),
        }

    def _until_said(self, process: subprocess.Popen[bytes], words: str) -> None:
        until = time.monotonic() + PATIENCE
        while words not in self.said(process):
            assert process.poll() is None, self.said(process)
            assert time.monotonic() < until, self.said(process)
            time.sleep(0.05)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, with all it forked."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in family:
        if child.is_running():
            child.send_signal(signal.SIGKILL)


def children(process: subprocess.Popen[bytes]) -> list[Any]:
    """The worker processes of a worker."""
    return psutil.Process(process.pid).children()  # type: ignore[no-any-return]
