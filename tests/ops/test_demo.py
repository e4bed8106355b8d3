"""`bin/demo` refuses what cannot work in words, follows a moved clock, and ends as one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connections
from psycopg.conninfo import make_conninfo

from alipay_simulator.control import free_port
from shigu.kit.processes import is_free

HOST = "127.0.0.1"
MOST = 150.0
ROOT = Path(settings.BASE_DIR)


def free_ports() -> int:
    """A first port with the next three free as well."""
    while True:
        first = free_port()
        if first <= 65000 and all(is_free(HOST, first + more) for more in range(4)):
            return first


def start(*options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "shigu.demo", "--for", str(MOST), *options]
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SHIGU_POOLED"}}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=kept | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.fixture
def database(clone: str) -> str:
    """An empty shop's database, for the demo's own processes."""
    entry = settings.DATABASES["default"]
    return make_conninfo("", dbname=clone, user=entry["USER"], host=entry["HOST"])


@pytest.fixture
def demo(database: str, tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A running demo in a folder of its own; its port and its process."""
    port = free_ports()
    process = start("--port", str(port), DATABASE_URL=database, SHIGU_VAR=str(tmp_path))
    connections.close_all()
    try:
        wait(lambda: answers(port) or process.poll() is not None)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/clock.json", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def wait(condition: Any) -> None:
    until = time.monotonic() + MOST
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def parts_of(pid: int) -> dict[str, int]:
    """The demo's own children, by what they run."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = {}
    for child in children:
        words = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        found[" ".join(re.findall(r"alipay_simulator|wsgi|events|clock", words)[:1])] = int(child)
    return found


def test_a_port_in_use_is_refused_in_words(tmp_path: Path) -> None:
    """Status 2, the port named, nothing made."""
    with socket.socket() as server:
        server.bind((HOST, free_ports()))
        server.listen()
        port = server.getsockname()[1]
        process = start("--port", str(port), SHIGU_VAR=str(tmp_path))
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"In use already: port {port} on {HOST}" in said
    assert not (tmp_path / "postgres").exists()


def test_somebody_elses_database_is_not_emptied(tmp_path: Path) -> None:
    """--fresh is for the demo's own database only."""
    port = free_ports()
    process = start(
        "--fresh",
        "--port",
        str(port),
        DATABASE_URL="postgresql:///nowhere",
        SHIGU_VAR=str(tmp_path),
    )
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "DATABASE_URL" in said


def test_a_part_that_dies_ends_all_of_it(demo: tuple[int, subprocess.Popen[str]]) -> None:
    """A moved clock moves the provider's; then the clock is killed: it is named, status 1, no port kept."""
    from shigu import clock

    port, process = demo
    wait(lambda: set(parts_of(process.pid)) == {"alipay_simulator", "wsgi", "events", "clock"})
    health = f"http://{HOST}:{port + 3}/_sim/health"
    clock.shift(timedelta(days=365))
    moved = clock.offset().total_seconds()
    connections.close_all()
    wait(
        lambda: httpx.get(health, trust_env=False).json()["offset_seconds"] == pytest.approx(moved)
    )
    os.kill(parts_of(process.pid)["clock"], signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "clock ended with status -9. Its last words" in said
    assert all(is_free(HOST, port + more) for more in (0, 1, 3))
