"""Processes that work for a side: started, warmed up and connected before anything is timed.

`Crew(role, hands)` starts `hands` processes of `shigu.bench.hand`; `work(job)` gives each its job and
returns their answers. Hands report when they began and ended by the machine's monotonic clock, so that
`span` holds the work alone. A hand that does not answer in time is ended, by its pid.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from shigu.bench.errors import HandLost
from shigu.bench.world import database_url

Answer = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """`hands` processes of one role, a function named `module:function` that takes a job."""

    def __init__(self, role: str, hands: int, env: Mapping[str, str] | None = None) -> None:
        self.role = role
        self._hands = [_start(role, env or {}) for _ in range(hands)]
        self._listeners = ThreadPoolExecutor(hands)
        self._listen(60)

    def work(self, jobs: Iterable[Mapping[str, Any]], *, within: float) -> list[Answer]:
        """Give each hand its job at once; their answers, in order."""
        self.begin(jobs)
        return self._listen(within)

    def begin(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """Give each hand its job; `finish` takes the answers."""
        for hand, job in zip(self._hands, jobs, strict=True):
            assert hand.stdin
            hand.stdin.write(json.dumps(job) + "\n")
            hand.stdin.flush()

    def finish(self, *, within: float) -> list[Answer]:
        """The answers to what was begun."""
        return self._listen(within)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hand in self._hands:
            if hand.stdin:
                hand.stdin.close()
        for hand in self._hands:
            end(hand)
            if hand.stdout:
                hand.stdout.close()
        self._listeners.shutdown()

    def _listen(self, within: float) -> list[Answer]:
        lines = [self._listeners.submit(_line, hand) for hand in self._hands]
        try:
            return [_answer(self.role, line.result(within)) for line in lines]
        except TimeoutError:
            for hand in self._hands:
                hand.kill()
            raise HandLost(f"{self.role}: no answer within {within:.0f} s") from None


def span(answers: Iterable[Answer]) -> float:
    """Seconds from the first hand's beginning to the last one's end."""
    known = list(answers)
    return float(max(a["ended"] for a in known) - min(a["began"] for a in known))


def end(process: subprocess.Popen[Any], patience: float = 10) -> None:
    """Ask it to end, then end it."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's own, with the database it works in."""
    ours = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "shigu.settings"}
    ours["PYTHONWARNINGS"] = "ignore:XDG_RUNTIME_DIR"
    return {**os.environ, **ours, **(more or {})}


def _start(role: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "shigu.bench.hand", role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(env),
    )


def _line(hand: subprocess.Popen[str]) -> str:
    assert hand.stdout
    return hand.stdout.readline()


def _answer(role: str, line: str) -> Answer:
    if not line:
        raise HandLost(f"{role}: ended without an answer; what it said is above")
    answer: Answer = json.loads(line)
    return answer
