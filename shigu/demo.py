"""`python -m shigu.demo` (bin/demo): a whole shop on this machine, until Ctrl-C.

1. PostgreSQL, tables, a clock that may be moved, the simulator's keys, a seeded catalogue, files.
2. Simulator, pages, event streams, clock, started together; each is waited for.
3. Addresses and sign-ins are printed; whatever dies ends all of it, with its last words.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from shigu import serving
from shigu.kit import postgres
from shigu.kit.processes import Crew, Died, Part, answering, is_free

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
FAST = {"SHIGU_PAY_WINDOW": "40", "SHIGU_ASK_MARGIN": "2", "SHIGU_ASK_BACKSTOP": "20"} | {
    "SHIGU_AUCTION_BAN": "120"
}


class Refused(Exception):
    """The demo cannot start like this; the message says why."""


class Told:
    """What a person reads while it starts: one line a step, with what came of it."""

    def step(self, name: str, work: Callable[[], object]) -> Any:
        """Do `work`, telling what it is before and what it found after."""
        began = time.monotonic()
        if sys.stdout.isatty():
            self.say(f"  {name:<12}…", end="\r")
        found = work()
        self.say(f"  {name:<12}{found or 'ready'!s:<52}{time.monotonic() - began:>6.1f} s")
        return found

    def say(self, *lines: str, end: str = "\n") -> None:
        sys.stdout.write("\n".join(lines) + end)
        sys.stdout.flush()


class Demo:
    """One running demo; `run()` returns its exit status."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.var = Path(os.environ.get("SHIGU_VAR", ROOT / "var"))
        self.told = Told()
        self.owns_database = False
        self.port: int = options.port
        self.moved: float | None = None

    def run(self) -> int:
        self.told.say("", "Shigu, a whole shop on this machine", "")
        with Crew(self.var / "log") as crew:
            try:
                self._refuse_taken_ports()
                self._prepare()
                self._open(crew)
                return self._stay(crew)
            except KeyboardInterrupt:
                self.told.say("", "  Closing …")
                return 0
            except Died as death:
                self.told.say("", f"  {death}. Its last words ({death.log}):", "")
                self.told.say(*(f"    {line}" for line in death.last_lines))
                return 1
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
                crew.end()
                self._close_database()

    def _refuse_taken_ports(self) -> None:
        taken = [port for port in self._ports() if not is_free(HOST, port)]
        if taken:
            ports = ", ".join(map(str, taken))
            raise Refused(
                f"In use already: port {ports} on {HOST}. Is another demo running? "
                f"Choose others: bin/demo --port {self.port + 100}"
            )

    def _ports(self) -> tuple[int, int, int]:
        """Pages, event streams, simulator."""
        return self.port, self.port + 1, self.port + 3

    def _prepare(self) -> None:
        """Everything before the first process: each step may be repeated."""
        self.told.step("database", self._start_database)
        os.environ.update(self._settings())
        import_module("django").setup()
        opening = import_module("shigu.ops.opening")
        self.told.step("keys", self._make_keys)
        self.told.step("tables", opening.make_tables)
        self.told.step("time", opening.let_time_be_moved)
        self.told.step("shelves", opening.fill_shelves)
        self.told.step("files", opening.collect_files)
        import_module("django.db").connections.close_all()

    def _start_database(self) -> str:
        folder = self.var / "postgres"
        if "DATABASE_URL" in os.environ:
            if self.options.fresh:
                raise Refused("--fresh empties only a database of its own, not DATABASE_URL's.")
            return "the one that DATABASE_URL names"
        self.owns_database = not (folder / "postmaster.pid").exists()
        url = postgres.start(folder)
        if self.options.fresh:
            url = postgres.start_over(folder)
            for left in ("simulator", "built"):
                shutil.rmtree(self.var / left, ignore_errors=True)
        os.environ["DATABASE_URL"] = url
        return "PostgreSQL, empty" if self.options.fresh else "PostgreSQL"

    def _close_database(self) -> None:
        if self.owns_database:
            postgres.stop(self.var / "postgres")

    def _settings(self) -> dict[str, str]:
        """What the shop and its parts are told through the environment; an explicit wish wins."""
        shop, events, simulator = self._ports()
        wanted = {
            "DJANGO_SETTINGS_MODULE": "shigu.settings",
            "SHIGU_URL": f"http://{HOST}:{shop}",
            "SHIGU_EVENTS_URL": f"http://{HOST}:{events}",
            "ALIPAY_GATEWAY": f"http://{HOST}:{simulator}/gateway.do",
            "ALIPAY_SIMULATOR_DIR": str(self.var / "simulator"),
            "SHIGU_POOLED": "0",
            **(FAST if self.options.fast else {}),
        }
        return {name: os.environ.get(name, value) for name, value in wanted.items()}

    def _make_keys(self) -> str:
        command = [*self._simulator("init"), "--data", os.environ["ALIPAY_SIMULATOR_DIR"]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return "the simulator's and the shop's"

    def _simulator(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "alipay_simulator", verb]

    def _open(self, crew: Crew) -> None:
        """Start the parts, together as far as may be, and wait for each."""
        shop, events, simulator = self._ports()
        opening = import_module("shigu.ops.opening")
        alipay = self._simulator_part(simulator)
        pages, streams = serving.pages(HOST, shop), serving.events(HOST, events)
        clock = serving.clock(opening.next_tick())
        crew.start(alipay, pages, streams)
        self.told.step(alipay.name, partial(crew.wait, alipay))
        self._introduce(opening.paid_attempts())
        crew.start(clock)  # it asks the simulator about seeded payments, so not before
        for part in (pages, streams, clock):
            self.told.step(part.name, partial(crew.wait, part))
        if self.options.bidders:
            crew.start(Part("bidders", [sys.executable, "-m", "shigu", "bidders"], serving.at_once))
        self._welcome()

    def _simulator_part(self, port: int) -> Part:
        speed = "120" if self.options.fast else "12"
        return Part(
            "simulator",
            [
                *self._simulator("serve"),
                *("--data", os.environ["ALIPAY_SIMULATOR_DIR"]),
                *("--port", str(port), "--speed", speed),
            ],
            answering(HOST, port, "/_sim/health"),
        )

    def _introduce(self, trades: list[dict[str, object]]) -> None:
        """Seeded payments were never made at the simulator: it is told of them, so they can be refunded."""
        self._tell_simulator("remember", trades=trades)

    def _follow_clock(self) -> None:
        """Whoever moves the shop's clock (`shigu clock shift`) moves the simulator's with it."""
        trouble = (import_module("django.db").Error, httpx.HTTPError)
        with suppress(*trouble):  # a database or simulator that is away for a moment is asked again
            moved = import_module("shigu.ops.opening").seconds_moved()
            if moved != self.moved:
                self._tell_simulator("clock", offset_seconds=moved)
                self.moved = moved

    def _tell_simulator(self, act: str, **words: object) -> None:
        with httpx.Client(trust_env=False, timeout=20) as client:
            url = f"http://{HOST}:{self.port + 3}/_sim/{act}"
            client.post(url, json=words).raise_for_status()

    def _welcome(self) -> None:
        shop, _, simulator = self._ports()
        people = import_module("shigu.ops.seeding.people")
        window = int(import_module("django.conf").settings.PAY_WINDOW.total_seconds())
        spoken = f"{window // 60} minutes" if window >= 120 else f"{window} seconds"
        self.told.say(
            "",
            f"  The shop          http://{HOST}:{shop}/",
            f"  Back office       http://{HOST}:{shop}/ops/",
            f"  Mailbox           http://{HOST}:{shop}/ops/mailbox/   every mail the shop sends; operator only",
            f"  Alipay simulator  http://{HOST}:{simulator}/   no money moves",
            "",
            "  Sign in as        alice, bob or carol (they buy), operator (back office)",
            f"  Password          {people.PASSWORD}",
            "  At the cashier    alice@sandbox.test, password 135790",
            f"  Time to pay       {spoken}",
            f"  Auctions          http://{HOST}:{shop}/auctions/   {self._who_bids()}",
            "",
            f"  Ctrl-C ends all of it. Logs are in {_short(self.var / 'log')}/",
            "",
        )

    def _who_bids(self) -> str:
        if self.options.bidders:
            return "robots bid, marked as such"
        return "one is live, one opens soon; with --bidders robots bid"

    def _stay(self, crew: Crew) -> int:
        """Watch until somebody says stop, or the time given with --for is over."""
        seconds = self.options.seconds
        until = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < until:
            crew.check()
            self._follow_clock()
            time.sleep(0.5)
        self.told.say(f"  {seconds:g} seconds are over, closing …")
        return 0


def _short(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def main() -> int:
    """Read the options, run; status 0 when told to stop, 1 when something died, 2 when refused."""
    parser = argparse.ArgumentParser(prog="bin/demo", description="A whole shop on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="pages; +1 streams, +3 simulator")
    parser.add_argument("--fresh", action="store_true", help="start from nothing")
    parser.add_argument("--fast", action="store_true", help="seconds, where it would be minutes")
    parser.add_argument("--bidders", action="store_true", help="robots bid in live auctions")
    parser.add_argument(
        "--for", type=float, dest="seconds", metavar="SECONDS", help="end by itself, for tests"
    )
    options = parser.parse_args()
    if not 1024 <= options.port <= 65000:
        parser.error("--port must be between 1024 and 65000")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return Demo(options).run()
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
