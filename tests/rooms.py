"""`bin/test`: runs the rooms of tests, two at once and one that mostly waits beside them, each with a budget.

A room that cannot run (no Chromium) fails and says what is missing: nothing is skipped in silence. The
last line counts all tests of all rooms.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tests import cluster

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "var" / "tests"
SAID_EVERY = 30.0
PROGRAMS = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib/rabbitmq/bin"]
)
"""Where to look for programs: Debian keeps servers where an ordinary account does not look."""


@dataclass(frozen=True)
class Room:
    """A folder (or several, or a pattern) of tests, its budget in minutes, a program it cannot do without,

    a pattern of what lies in its folders and belongs to another room, and whether it waits more than it
    works: such a room goes beside two others.
    """

    name: str
    paths: tuple[str, ...]
    minutes: float
    needs: str = ""
    but: str = ""
    waits: bool = False

    @property
    def files(self) -> list[str]:
        """Its test files, from the root of the checkout."""
        found = {file for path in self.paths for file in _tests(path)}
        return sorted(found - _tests(self.but))


def _tests(path: str) -> set[str]:
    """The test files below a folder, or those of a pattern; none of nothing."""
    pattern = path if path.endswith(".py") else f"{path}/**/test_*.py"
    return {str(file.relative_to(ROOT)) for file in ROOT.glob(pattern)} if path else set()


AUCTION_RACES = "tests/races/test_auctions_*.py"


ROOMS = [
    Room("house", ("tests/houserules", "tests/kit"), 0.8),
    Room("clock", ("tests/clock",), 1.5),
    Room(
        "domain",
        (
            *("tests/accounts", "tests/catalogue", "tests/ledger", "tests/promotions"),
            *("tests/wallet", "tests/orders", "tests/learning", "tests/reporting", "tests/ops"),
        ),
        6.5,
    ),
    Room("auctions", ("tests/auctions",), 6.5),
    Room("notices", ("tests/notices",), 2),
    Room("payments", ("tests/payments",), 3.5),
    Room("simulator", ("tests/simulator",), 1.5),
    Room("pages", ("tests/web",), 9),
    Room("races", ("tests/races",), 3, but=AUCTION_RACES),
    Room("hammer", (AUCTION_RACES,), 3),
    Room("life", ("tests/life",), 3.5),
    Room("fleet", ("tests/fleet",), 17, waits=True),
    Room("rabbit", ("tests/rabbit",), 1.5, needs="rabbitmq-server", waits=True),
    Room("bench", ("tests/bench",), 5.5, waits=True),
    Room("browser", ("tests/browser",), 11, needs="chromium"),
]


@dataclass(frozen=True)
class Result:
    """What one room did."""

    room: Room
    passed: int
    failed: int
    seconds: float

    @property
    def line(self) -> str:
        """One line of the closing table."""
        over = "  OVER BUDGET" if self.seconds > self.room.minutes * 60 else ""
        return (
            f"  {self.room.name:<10} {self.passed:>5} passed {self.failed:>4} failed "
            f"{self.seconds / 60:>6.1f} of {self.room.minutes:.1f} min{over}"
        )


def main(arguments: list[str]) -> int:
    """Run all rooms, or those named, `--jobs` at once; status 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="bin/test")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=" ".join(r.name for r in ROOMS))
    parser.add_argument("--deep", action="store_true", help="long forms, by hand")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    options = parser.parse_args(arguments)
    rooms = [room for room in ROOMS if room.name in options.rooms or not options.rooms]
    REPORTS.mkdir(parents=True, exist_ok=True)
    with (
        cluster.of_a_run() as database,
        ThreadPoolExecutor(max(1, options.jobs)) as pool,
        ThreadPoolExecutor(1) as beside,
    ):
        lanes = {False: pool, True: beside if options.jobs > 1 else pool}
        environment = os.environ | database | ({"SHIGU_DEEP": "1"} if options.deep else {})
        longest_first = sorted(rooms, key=lambda room: -room.minutes)
        ran = {room: lanes[room.waits].submit(run, room, environment) for room in longest_first}
        _watch(ran)
    results = [ran[room].result() for room in rooms]
    print("\nRooms:", *[result.line for result in results], sep="\n", flush=True)
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


def _watch(ran: dict[Room, Future[Result]]) -> None:
    """What each room said, once it has ended; meanwhile, now and then, which are at work."""
    waiting = dict(ran)
    while waiting:
        done, _ = wait(waiting.values(), timeout=SAID_EVERY, return_when=FIRST_COMPLETED)
        for room in [room for room, future in waiting.items() if future in done]:
            print(f"\n== {room.name}", log_of(room).read_text(errors="replace"), sep="\n")
            print(waiting.pop(room).result().line, flush=True)
        names = [room.name for room, future in waiting.items() if future.running()]
        if names and not done:
            print(f"   at work: {', '.join(names)} …", flush=True)


def log_of(room: Room) -> Path:
    """Where a room writes what it says, so that two at once can be read."""
    return REPORTS / f"{room.name}.log"


def run(room: Room, environment: Mapping[str, str]) -> Result:
    """One room in a process of its own, with these variables."""
    report, log = REPORTS / f"{room.name}.xml", log_of(room)
    report.unlink(missing_ok=True)
    if room.needs and not shutil.which(room.needs, path=PROGRAMS):
        log.write_text(
            f"This room needs {room.needs}, which is not installed: it counts as failed."
        )
        return Result(room, 0, 1, 0)
    command = [sys.executable, "-m", "pytest", *room.files, f"--junitxml={report}"]
    began = time.monotonic()
    with log.open("w") as said:
        status = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=said, stderr=said, check=False
        ).returncode
    passed, failed = count(report)
    return Result(room, passed, failed or int(status != 0), time.monotonic() - began)


def count(report: Path) -> tuple[int, int]:
    """Passed and failed (errors and skips included) of one report."""
    if not report.exists():
        return 0, 1
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    passed = failed = 0
    for suite in suites:
        bad = sum(int(suite.get(name, 0)) for name in ("failures", "errors", "skipped"))
        passed += int(suite.get("tests", 0)) - bad
        failed += bad
    return passed, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
