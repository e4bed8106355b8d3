"""Pages and event streams as processes of their own, on free ports, over a test's own database."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from shigu import serving
from shigu.accounts.models import User
from tests.fleet.brokers import HOST, Server, free_port
from tests.fleet.crew import address_of

TOKEN = "Qw7csrfQw7csrfQw7csrfQw7csrfQw7c"


class Served:
    """One server: where it is, what it said."""

    def __init__(self, server: Server, log: Path) -> None:
        self.server, self.log = server, log
        self.port = server.port
        self.url = f"http://{HOST}:{server.port}"

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.server.process
        return self.server.process.pid

    def get(self, path: str, **more: object) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=20, **more)  # type: ignore[arg-type]

    def tell_to_end(self) -> None:
        """SIGTERM, as a supervisor sends it."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, seconds: float = 30) -> int:
        assert self.server.process
        return self.server.process.wait(seconds)


class Street:
    """Starts servers and ends them all."""

    def __init__(self, database: str, folder: Path, static: Path) -> None:
        self.folder = folder
        (folder / "var").mkdir()
        (folder / "var" / "static").symlink_to(static)
        self.environment = {
            name: text for name, text in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"
        } | {
            "DATABASE_URL": address_of(database),
            "DJANGO_SETTINGS_MODULE": "shigu.settings",
            "SHIGU_LOG_JSON": "1",
            "SHIGU_POOLED": "1",
            "SHIGU_VAR": str(folder / "var"),
        }
        self.servers: list[Served] = []

    def pages(self, *, workers: int = 1, port: int = 0, **env: str) -> Served:
        port = port or free_port()
        command = serving.pages(HOST, port, workers=workers, threads=4).command
        return self._open(list(command), port, "/healthz", env)

    def events(self, **env: str) -> Served:
        port = free_port()
        return self._open(list(serving.events(HOST, port).command), port, "/events/health", env)

    def _open(self, command: list[str], port: int, path: str, env: dict[str, str]) -> Served:
        log = self.folder / f"server{len(self.servers)}.log"
        served = Served(Server(command, port, self.environment | env, log), log)
        self.servers.append(served)
        served.server.start()
        served.server._wait(lambda: self._answers(served, path))
        return served

    def _answers(self, served: Served, path: str) -> bool:
        try:
            return served.get(path).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        for served in self.servers:
            served.server.end()


def signed_in(user: User) -> httpx.Client:
    """A browser of `user`'s, signed in; posts carry a CSRF token."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    cookies = {settings.SESSION_COOKIE_NAME: str(session.session_key), "csrftoken": TOKEN}
    return httpx.Client(
        trust_env=False, timeout=30, cookies=cookies, headers={"X-CSRFToken": TOKEN}
    )
