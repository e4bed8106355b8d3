"""Drive a simulator from a test: `with Simulator.started() as sim: …`.

Starts `python -m alipay_simulator` on a free port with a directory of its own, waits until it answers, and ends
exactly that process. `Simulator(url)` talks to one that already runs. Needs nothing but httpx.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

Told = dict[str, Any]


class SimulatorError(Exception):
    """The simulator refused: `code` is its error or Alipay's sub_code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class Simulator:
    def __init__(self, url: str, data: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self.data = data
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: Path | None = None
        self._arguments: list[str] = []

    @classmethod
    def started(
        cls,
        data: Path | None = None,
        *,
        port: int = 0,
        speed: float = 60,
        extra: list[str] | None = None,
    ) -> Simulator:
        """A new process; without `data` its directory is temporary and goes with it."""
        folder = data or Path(tempfile.mkdtemp(prefix="alipay-simulator-"))
        port = port or free_port()
        sim = cls(f"http://127.0.0.1:{port}", folder)
        sim._temporary = None if data else folder
        sim._arguments = [
            "--port",
            str(port),
            "--data",
            str(folder),
            "--speed",
            str(speed),
            *(extra or []),
        ]
        sim.start()
        return sim

    def start(self) -> None:
        """Start (again) with the same port and directory; returns when it answers."""
        command = [sys.executable, "-m", "alipay_simulator", *self._arguments]
        here = Path(__file__).resolve().parent.parent
        paths = os.pathsep.join(filter(None, [str(here), os.environ.get("PYTHONPATH", "")]))
        log = (self.data or Path()) / "simulator.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": paths},
            )
        try:
            self.wait(lambda: self._alive(log), seconds=20)
        except BaseException:
            self.stop()
            raise

    def _alive(self, log: Path) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise SimulatorError("not_started", log.read_text(errors="replace")[-2000:])
        with contextlib.suppress(httpx.HTTPError):
            return self._http.get("/_sim/health", timeout=2).status_code == 200
        return False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        """End the process that was started here, by its own handle; the directory stays unless temporary."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
            self._process = None

    def kill(self) -> None:
        """End it without a farewell, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def close(self) -> None:
        self.stop()
        self._http.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # what a merchant is configured with

    @property
    def gateway(self) -> str:
        return f"{self.url}/gateway.do"

    @property
    def app(self) -> Told:
        found: Told = json.loads((self._folder / "app.json").read_text())
        return found

    @property
    def _folder(self) -> Path:
        if self.data is None:
            raise SimulatorError("no_data", "this simulator's directory is not known")
        return self.data

    @property
    def alipay_public_key(self) -> Path:
        return self._folder / "alipay_public.pem"

    @property
    def merchant_private_key(self) -> Path:
        return self._folder / "merchant_private.pem"

    # acts

    def fault(self, name: str, **limits: Any) -> None:
        """Set a switch: times, method, out_trade_no, seconds, count, value, execute."""
        self._post("faults", name=name, **limits)

    def clear_faults(self, name: str = "") -> None:
        self._post("faults", clear=name or True)

    def pay(self, out_trade_no: str = "", *, token: str = "", buyer: str = "alice") -> Told:
        """Log in and pay; the answer has trade_no, trade_status and the signed return_url."""
        return self._post("pay", out_trade_no=out_trade_no, token=token, buyer=buyer)

    def scan(self, out_trade_no: str = "", *, token: str = "", buyer: str = "alice") -> Told:
        return self._post("scan", out_trade_no=out_trade_no, token=token, buyer=buyer)

    def resend(self, *, notify_id: str = "", out_trade_no: str = "") -> int:
        return int(self._post("resend", notify_id=notify_id, out_trade_no=out_trade_no)["sent"])

    def release(self, out_trade_no: str = "") -> int:
        return int(self._post("release", out_trade_no=out_trade_no)["released"])

    def remember(self, trades: list[Told]) -> int:
        """Paid trades from before its time; how many were new."""
        return int(self._post("remember", trades=trades)["new"])

    def clock(self, offset_seconds: float) -> Told:
        return self._post("clock", offset_seconds=offset_seconds)

    def advance(self, seconds: float) -> Told:
        return self._post("clock", advance_seconds=seconds)

    def rotate_keys(self) -> None:
        self._post("rotate")

    def reset(self) -> None:
        self._post("reset")

    # looking

    def state(self, out_trade_no: str = "", limit: int = 100) -> Told:
        return self._told(
            self._http.get(
                "/_sim/state", params={"out_trade_no": out_trade_no, "limit": str(limit)}
            )
        )

    def trade(self, out_trade_no: str) -> Told | None:
        found: list[Told] = self.state(out_trade_no)["trades"]
        return found[0] if found else None

    def notifications(self, out_trade_no: str = "") -> list[Told]:
        """Newest first, each with its attempts, oldest first."""
        found: list[Told] = self.state(out_trade_no)["notifications"]
        return found

    def attempts(self, out_trade_no: str) -> list[Told]:
        """Every delivery for one purchase, oldest first."""
        return [
            attempt
            for notice in reversed(self.notifications(out_trade_no))
            for attempt in notice["attempts"]
        ]

    def calls(self, out_trade_no: str = "") -> list[Told]:
        """The gateway's log, newest first."""
        found: list[Told] = self.state(out_trade_no)["calls"]
        return found

    @staticmethod
    def wait(
        condition: Callable[[], Any], *, seconds: float = 20, what: str = "the condition"
    ) -> Any:
        """Poll until it is true and return what it was; TimeoutError otherwise."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = condition()
            if found:
                return found
            time.sleep(0.02)
        raise TimeoutError(f"{what} did not come true within {seconds:g} s")

    def _post(self, act: str, **asked: Any) -> Told:
        return self._told(self._http.post(f"/_sim/{act}", json=asked))

    @staticmethod
    def _told(response: httpx.Response) -> Told:
        try:
            told: Told = response.json()
        except ValueError as problem:
            raise SimulatorError(str(response.status_code), response.text[:300]) from problem
        if response.status_code != 200:
            raise SimulatorError(str(told.get("error")), str(told.get("message")))
        return told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
