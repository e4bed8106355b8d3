"""Servers for the benchmark `http`, each a process of its own on a free port of this machine.

`served` starts pages with the very command of a shop, also for the peer, whose door is another. `provider` is
the payment simulator with a box for its letters: what it would post to the shop is kept until the shop is to
be measured reading it, so that its own work is in nobody's figures.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin

import httpx

from shigu import serving
from shigu.bench.crew import ROOT, environment
from shigu.bench.errors import BenchFailed, HandLost
from shigu.kit.processes import Crew, Died, Part, answering

HOST = "127.0.0.1"
OURS = "shigu.wsgi:application"
PATIENCE = 60.0
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Served:
    """Pages that answer: where, and in which processes."""

    port: int
    pids: list[int]


@contextmanager
def served(workers: int, env: Mapping[str, str], door: str = OURS) -> Iterator[Served]:
    """`workers` web processes, as `shigu serve` has them."""
    port = free_port()
    part = serving.pages(HOST, port, workers=workers)
    command = [door if word == OURS else word for word in part.command]
    with _running(replace(part, command=command, env=environment(env))) as pids:
        yield Served(port, pids)


@contextmanager
def _running(part: Part) -> Iterator[list[int]]:
    with Crew(Path(os.environ["SHIGU_VAR"]) / "log") as crew:
        try:
            crew.start(part)
            crew.wait(part, PATIENCE)
        except Died as death:
            raise HandLost(f"{death}:\n" + "\n".join(death.last_lines)) from death
        yield [pid for _, pid in crew.pids()]


class Provider:
    """The payment simulator and the box in which its letters lie."""

    def __init__(self, port: int, folder: Path, box: Box) -> None:
        self._port, self._folder, self._box = port, folder, box

    @property
    def env(self) -> dict[str, str]:
        """What a shop is told, so that it pays there and has its letters sent to the box."""
        return {
            "ALIPAY_GATEWAY": f"http://{HOST}:{self._port}/gateway.do",
            "ALIPAY_SIMULATOR_DIR": str(self._folder),
            "SHIGU_URL": f"http://{HOST}:{self._box.server_port}",
        }

    def charge(self, doors: Sequence[str]) -> list[str]:
        """Every buyer pays behind the door that the shop opened; the signed letters of all of it."""
        self._box.letters.clear()
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:

            def pay(door: str) -> None:
                cashier = client.get(door).headers["location"]
                told = {"token": cashier.rsplit("/", 1)[1], "buyer": "alice"}
                client.post(urljoin(door, "/_sim/pay"), json=told).raise_for_status()

            with ThreadPoolExecutor(AT_ONCE) as buyers:
                list(buyers.map(pay, doors))
        return self._box.wait_for(len(doors))


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """The simulator with keys and books of its own, while the block lasts.

    An earlier run's books know trades whose numbers the fresh database gives out again, and refuse them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    port = free_port()
    simulator = [sys.executable, "-m", "alipay_simulator"]
    data = ["--data", str(folder)]
    subprocess.run([*simulator, "init", *data], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    command = [*simulator, "serve", *data, "--port", str(port)]
    part = Part("simulator", command, answering(HOST, port, "/_sim/health"), environment())
    with _running(part), Box() as box:
        yield Provider(port, folder, box)


class Box(ThreadingHTTPServer):
    """Takes letters, says that all is well, and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Slot)
        self.letters: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def wait_for(self, count: int) -> list[str]:
        """So many letters; it fails where they do not come."""
        until = time.monotonic() + PATIENCE
        while len(self.letters) < count:
            if time.monotonic() > until:
                raise BenchFailed(f"{len(self.letters)} letters of the provider, not {count}")
            time.sleep(0.02)
        return list(self.letters)

    def __enter__(self) -> Box:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Slot(BaseHTTPRequestHandler):
    server: Box

    def do_POST(self) -> None:
        """One letter, written down before it is acknowledged."""
        length = int(self.headers.get("Content-Length") or 0)
        self.server.letters.append(self.rfile.read(length).decode("ascii"))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"success")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
