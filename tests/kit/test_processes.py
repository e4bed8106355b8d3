"""Several processes live and end as one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shigu.kit.processes import Crew, Died, Part, answering, is_free

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DIES = [sys.executable, "-c", "print('last words'); raise SystemExit(3)"]
STUBBORN = [
    sys.executable,
    "-uc",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)",
]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def part(name: str, command: list[str], up: bool = True) -> Part:
    return Part(name, command, lambda: up)


def test_all_are_ended_with_the_crew(tmp_path: Path) -> None:
    """Nobody is left when the context is over."""
    with Crew(tmp_path) as crew:
        crew.start(part("a", SLEEP), part("b", SLEEP))
        pids = dict(crew.pids())
        assert all(map(alive, pids.values()))
    assert not any(map(alive, pids.values()))


def test_a_part_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Its name, its status, what it said."""
    with Crew(tmp_path) as crew:
        crew.start(part("sleeper", SLEEP), dying := part("dying", DIES, up=False))
        with pytest.raises(Died, match="dying ended with status 3") as death:
            crew.wait(dying, patience=10)
        assert death.value.last_lines == ["last words"]


def test_a_part_that_never_comes_up_is_given_up(tmp_path: Path) -> None:
    """Patience has an end."""
    with Crew(tmp_path) as crew:
        crew.start(slow := part("slow", SLEEP, up=False))
        with pytest.raises(Died, match="did not come up"):
            crew.wait(slow, patience=0.2)


def test_who_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked first, made to after a while."""
    monkeypatch.setattr("shigu.kit.processes.FAREWELL", 0.5)
    log = tmp_path / "stubborn.log"
    with Crew(tmp_path) as crew:
        stubborn = Part("stubborn", STUBBORN, lambda: "up" in log.read_text())
        crew.start(stubborn)
        crew.wait(stubborn)
        (pid,) = dict(crew.pids()).values()
    assert not alive(pid)


def test_parts_end_with_a_crew_that_was_killed(tmp_path: Path) -> None:
    """Even SIGKILL leaves no orphans behind."""
    told = tmp_path / "pid"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom shigu.kit.processes import Crew, Part\n"
        f"crew = Crew(Path({str(tmp_path)!r}))\n"
        f"crew.start(Part('child', {SLEEP!r}, lambda: True))\n"
        f"Path({str(told)!r}).write_text(str(dict(crew.pids())['child']))\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 20
    while not (told.exists() and told.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    child = int(told.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while alive(child) and _state(child) != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)


SERVER = """
import multiprocessing, os, sys, time
from pathlib import Path
from shigu.kit.processes import end_with_server

def serve(told, guarded):
    if guarded:
        end_with_server()
    Path(told).write_text(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    words = (sys.argv[1], sys.argv[2] == "guarded")
    worker = multiprocessing.get_context("fork").Process(target=serve, args=words)
    worker.start()
    worker.join()
"""


def orphan(folder: Path, guarded: str) -> int:
    """The worker of a server that was killed at once."""
    told = folder / guarded
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(told), guarded])
    until = time.monotonic() + 30
    while not (told.exists() and told.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    server.kill()
    server.wait()
    return int(told.read_text())


def test_a_servers_worker_ends_with_it(tmp_path: Path) -> None:
    """A killed server leaves nobody to answer at its port; without the guard it does: the control."""
    guarded, unguarded = orphan(tmp_path, "guarded"), orphan(tmp_path, "unguarded")
    until = time.monotonic() + 20
    while alive(guarded) and _state(guarded) != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert alive(unguarded)
    os.kill(unguarded, signal.SIGKILL)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_port_in_use_is_seen() -> None:
    """Free before, taken while somebody listens; nobody answers there."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        server.listen()
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)
    assert not answering("127.0.0.1", port, "/")()
