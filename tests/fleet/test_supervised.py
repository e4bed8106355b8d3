"""A real supervisord runs the whole fleet from the files that `shigu deploy` wrote, and nothing is lost.

Private Redis, a database of the room's cluster, everything on loopback. One house for all tests of this
file; each leaves every program running.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import httpx
import psutil
import pytest
from django.db import connections

from shigu import clock
from shigu.catalogue.models import Stock
from shigu.clock import time as clock_time
from shigu.fleet.deploying import environment, writing
from shigu.fleet.deploying.place import Place
from shigu.kit.processes import is_free
from shigu.orders.models import Order, Status
from tests import conftest as databases
from tests import goods, people
from tests.fleet import brokers
from tests.fleet.crew import address_of
from tests.web.ordering import placed

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
PATIENCE = 240.0
LATE = timedelta(seconds=10)
NAMES = {
    *("worker-order:worker-order-1", "worker-outside:worker-outside-1"),
    *("worker-sweep:worker-sweep-1", "beat:beat-1", "beat:beat-2", "events", "pages", "flower"),
}


class House:
    """One machine under supervisor: its files, its ports, its programs."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        port = free_port()
        self.database = database
        self.place = Place(
            folder=folder / "deploy",
            root=ROOT,
            var=folder / "var",
            port=port,
            pages=1,
            workers=1,
            flower_port=port + 2,
            console_port=port + 3,
        )
        self.ports = range(port, port + 4)
        self.url = f"http://{HOST}:{port}"
        writing.write("supervisor", self.place)
        self._fill_in(redis)
        self.passwords = environment.read(self.place.environment_file)

    def open(self) -> None:
        """Files for browsers, then supervisord in the foreground of a session of its own."""
        self.run("shigu", "collectstatic", "--noinput")
        self.process = subprocess.Popen(
            [self.place.folder / "supervisord"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        self.until(self.is_open)

    def close(self) -> float:
        """TERM to supervisord; how long it took until it and all of its own were gone."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(90)
        finally:
            for one in family:
                if one.is_running():
                    one.kill()
        return time.monotonic() - began

    def run(self, name: str, *words: str, status: int = 0) -> str:
        """One of the written commands, in an environment without the test's own settings."""
        done = subprocess.run(
            [self.place.folder / name, *words],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            timeout=PATIENCE,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, str]:
        """State of each program, as the console tells it."""
        name = "{group}:{name}".format
        found = self.ask("getAllProcessInfo")
        return {
            one["name"] if one["group"] == one["name"] else name(**one): one["statename"]
            for one in found
        }

    def ask(self, verb: str, *words: str) -> Any:
        """One question to supervisor's console, with its password."""
        known = f"shigu:{self.passwords['SHIGU_CONSOLE_PASSWORD']}"
        console = f"http://{known}@{HOST}:{self.place.console_port}/RPC2"
        with ServerProxy(console) as proxy:
            return getattr(proxy.supervisor, verb)(*words)

    def is_running(self) -> bool:
        try:
            return self.status() == dict.fromkeys(NAMES, "RUNNING")
        except ConnectionError:
            return False

    def is_open(self) -> bool:
        """Running, and whoever knocks is answered."""
        flower = f"http://{HOST}:{self.place.flower_port}/"
        return self.is_running() and _says(f"{self.url}/readyz", 200) and _says(flower, 401)

    def pid(self, name: str) -> int:
        return int(self.ask("getProcessInfo", name)["pid"])

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=20, **more)

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait, bounded; what every program said last where it was in vain."""
        until = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < until, f"{self.status()}\n{self.last_words()}"
            time.sleep(0.5)
        return found

    def last_words(self) -> str:
        texts = []
        for path in sorted(self.place.logs.glob("*.log")):
            texts.append(f"== {path.name}\n" + path.read_text(errors="replace")[-1500:])
        return "\n".join(texts)

    def _fill_in(self, redis: str) -> None:
        path = self.place.environment_file
        text = path.read_text()
        filled = {
            "SHIGU_HOSTS": HOST,
            "SHIGU_URL": f"https://{HOST}:{self.place.port}",
            "DATABASE_URL": address_of(self.database),
            "CELERY_BROKER_URL": redis,
            "SHIGU_REDIS_URL": redis.removesuffix("0") + "1",
            "SHIGU_EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        }
        for name, value in filled.items():
            text, count = re.subn(
                rf"^{name}=.*$", lambda _, v=f"{name}={value}": v, text, flags=re.M
            )
            assert count == 1, name
        path.write_text(text)


def _says(url: str, status: int) -> bool:
    """Is there somebody who answers like this?"""
    try:
        return httpx.get(url, trust_env=False, timeout=10).status_code == status
    except httpx.HTTPError:
        return False


def _environment() -> dict[str, str]:
    """What a fresh machine has: nothing of the test's own settings."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def free_port() -> int:
    """The first of four free ones."""
    while True:
        port = brokers.free_port()
        if port < 65000 and all(is_free(HOST, port + more) for more in range(4)):
            return port


@pytest.fixture(scope="module")
def redis_of_the_house() -> Iterator[str]:
    with brokers.redis() as (url, _):
        yield url


@pytest.fixture(scope="module")
def house(
    template: str,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
    redis_of_the_house: str,
) -> Iterator[House]:
    """All of it, RUNNING; at the end it must be gone within a minute."""
    home = connections.settings["default"]["NAME"]
    database = f"{home}_supervised"
    databases._copy(template, database)
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(database)
        clock_time.forbid_shifting()  # a production clock refuses a database whose time may be moved
        connections.close_all()
        databases._use(home)
    made = House(tmp_path_factory.mktemp("house"), database, redis_of_the_house)
    try:
        made.open()
        yield made
    finally:
        took = made.close()
        databases._drop(database)
    assert took < 60
    assert all(is_free(HOST, port) for port in made.ports)


@pytest.fixture
def rows(house: House, django_db_blocker: Any) -> Iterator[House]:
    """The house, with its rows in this test's hands."""
    home = connections.settings["default"]["NAME"]
    with django_db_blocker.unblock():
        connections.close_all()
        databases._use(house.database)
        try:
            yield house
        finally:
            connections.close_all()
            databases._use(home)


def test_every_program_runs(house: House) -> None:
    """`supervisorctl status` says RUNNING for all; each has its two logs; the console wants its password."""
    told = house.run("supervisorctl", "status")
    assert dict(re.findall(r"^(\S+) +([A-Z]+)", told, re.MULTILINE)) == dict.fromkeys(
        NAMES, "RUNNING"
    )
    logs = {path.name for path in house.place.logs.iterdir()}
    for name in NAMES:
        assert {f"{name.rpartition(':')[2]}.{kind}.log" for kind in ("out", "err")} <= logs
    console = f"http://{HOST}:{house.place.console_port}/"
    assert httpx.get(console, trust_env=False).status_code == 401
    allowed = ("shigu", house.passwords["SHIGU_CONSOLE_PASSWORD"])
    assert httpx.get(console, auth=allowed, trust_env=False).status_code == 200


def test_no_password_is_on_a_command_line_or_in_a_log(house: House) -> None:
    """Whoever may list processes or read logs learns none of them."""
    secrets = {
        value.removeprefix("shigu:")
        for name, value in house.passwords.items()
        if name.endswith(("_KEY", "PASSWORD", "TOKEN", "_AUTH", "_SECRET")) and value
    }
    assert len(secrets) == 6
    family = psutil.Process(house.process.pid).children(recursive=True)
    said = " ".join(word for one in family for word in one.cmdline()) + house.last_words()
    assert not any(secret in said for secret in secrets)


def test_flower_wants_its_password(house: House) -> None:
    """401 without, 401 with a wrong one, 200 with it; it knows the workers."""
    window = f"http://{HOST}:{house.place.flower_port}"
    name, _, password = house.passwords["FLOWER_BASIC_AUTH"].partition(":")
    with httpx.Client(trust_env=False, timeout=20) as client:
        for path in ("/", "/api/workers"):
            assert client.get(f"{window}{path}").status_code == 401
            assert client.get(f"{window}{path}", auth=(name, "guess")).status_code == 401
        assert client.get(f"{window}/", auth=(name, password)).status_code == 200

        def workers() -> set[str]:
            shown = client.get(f"{window}/workers", auth=(name, password)).text
            return set(re.findall(r"\b(order|outside|sweep)-1@", shown))

        house.until(lambda: workers() == {"order", "outside", "sweep"})


def test_pages_and_streams_answer(house: House) -> None:
    """Healthy, ready with broker and Redis, a page over https, streams; figures want their token."""
    assert house.get("/healthz").status_code == 200
    ready = house.get("/readyz")
    assert (ready.status_code, set(ready.json().values())) == (200, {True, "ok"})
    assert {"broker", "redis", "database", "tables"} <= set(ready.json())
    behind = {"X-Forwarded-Proto": "https"}
    assert house.get("/", headers=behind).status_code == 200
    assert house.get("/").status_code == 301
    streams = f"http://{HOST}:{house.place.port + 1}/events/health"
    assert httpx.get(streams, trust_env=False).json()["ok"] is True


def test_a_deadline_is_met(rows: House) -> None:
    """An order that is not paid lapses within seconds of its time, and its pieces are back."""
    sku = goods.sku(goods.teapot(stock=3))
    order = placed(people.alice(), (sku, 2))
    assert Stock.objects.get(sku=sku).held == 2
    due = clock.now() + timedelta(seconds=4)
    Order.objects.filter(pk=order.pk).update(pay_by=due, due_at=due)
    rows.until(lambda: Order.objects.get(pk=order.pk).status == Status.EXPIRED, 30)
    ended = Order.objects.get(pk=order.pk).ended_at
    assert ended is not None
    assert due <= ended < due + LATE
    assert Stock.objects.get(sku=sku).held == 0


def test_killed_programs_come_back(house: House) -> None:
    """kill -9 of every one of them: each runs again, and none of the old ones' children is left."""
    before = {name: psutil.Process(house.pid(name)) for name in NAMES}

    def below() -> list[psutil.Process]:
        return [child for one in before.values() for child in one.children(recursive=True)]

    house.until(lambda: len(below()) >= 5)  # three workers and two servers have some of their own
    children = below()
    for one in before.values():
        one.send_signal(signal.SIGKILL)
    house.until(lambda: not any(_lives(one) for one in before.values()))
    house.until(house.is_open)
    assert all(house.pid(name) != one.pid for name, one in before.items())
    house.until(lambda: not any(_lives(child) for child in children), 30)


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_all_of_it_ends_in_time_and_starts_again(house: House) -> None:
    """`stop all` leaves no process and no port within a minute; `start all` brings everything back."""
    family = psutil.Process(house.process.pid).children(recursive=True)
    began = time.monotonic()
    house.run("supervisorctl", "stop", "all")
    assert time.monotonic() - began < 60
    assert set(house.status().values()) == {"STOPPED"}
    assert not any(_lives(one) for one in family)
    assert all(is_free(HOST, port) for port in list(house.ports)[:3])
    house.run("supervisorctl", "start", "all")
    house.until(house.is_open)
