"""A whole shop for browsers: `bin/demo`'s own command on free ports, in a folder and a database of its own.

`Market` starts and ends it, moves its time (the shop's and the provider's together), drives the Alipay
simulator, and invites people: each test has an alice of its own, so that tests do not meet.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from psycopg import sql
from psycopg.conninfo import make_conninfo

from alipay_simulator.control import Simulator
from shigu import clock
from shigu.accounts.models import Address, User
from shigu.catalogue.models import Sku, Stock
from shigu.kit.processes import is_free
from shigu.orders.models import Order, Status
from shigu.payments.opening import Addresses, Way, open_attempt
from tests import goods, people
from tests.web.ordering import placed

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
PATIENCE = 120.0
MOST = 1800
"""Seconds after which it ends by itself, whatever became of the tests."""

_numbers = itertools.count(1)


class Market:
    """A running shop, clock and provider; `url` is the shop's, `sim` steers the provider."""

    def __init__(self, folder: Path, *, seconds: int = MOST, **environment: str) -> None:
        self.folder = folder
        self.seconds = seconds
        self.database = f"browser_{os.getpid()}"
        self.environment = environment
        self.port = free_ports()
        self.url = f"http://{HOST}:{self.port}"
        self.sim = Simulator(f"http://{HOST}:{self.port + 3}", folder / "simulator")
        self.origins = tuple(f"http://{HOST}:{self.port + more}" for more in (0, 1, 3))

    def open(self) -> None:
        """Returns when the demo says that it is open."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._make_database()
        self.log = self.folder / "demo.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "shigu.demo",
                    f"--port={self.port}",
                    f"--for={self.seconds}",
                ],
                cwd=ROOT,
                env=os.environ | self._settings(),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while "Ctrl-C" not in (said := self.log.read_text(errors="replace")):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"The demo did not open:\n{said}")
            time.sleep(0.1)

    def close(self) -> None:
        """End the demo by its own handle, then drop its database."""
        self.sim.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(25)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._server("DROP DATABASE IF EXISTS {} WITH (FORCE)")

    def pass_time(self, **by: float) -> None:
        """The shop's clock and the provider's go forward together: `pass_time(minutes=15)`."""
        moved = timedelta(**by)
        self.sim.advance(moved.total_seconds())
        clock.shift(moved)

    def until_left(self, order: Order, seconds: float) -> None:
        """Go forward to `seconds` before this order's time to pay is over."""
        left = order.pay_by - clock.now()
        self.pass_time(seconds=left.total_seconds() - seconds)

    def new_name(self, name: str) -> str:
        """A name nobody has."""
        return f"{name}{next(_numbers)}"

    def goods(self, kind: str, pieces: int, price: int = 26_800) -> str:
        """The slug of new goods with so many pieces in the house."""
        slug = self.new_name(f"{kind}-")
        goods.goods(slug, f"柴烧小茶壶 {slug}", f"Wood-fired {slug}", [("", "", price, pieces)])
        return slug

    def free(self, slug: str) -> int:
        """How many pieces of it can be ordered."""
        stock = Stock.objects.get(sku__product__slug=slug)
        return int(stock.on_hand - stock.held)

    def order(self, user: User, slug: str, pieces: int = 1) -> Order:
        """An unpaid order, placed past the pages."""
        return placed(user, (Sku.objects.get(product__slug=slug), pieces))

    def buys_course(self, user: User) -> Order:
        """A course of theirs, paid."""
        sku = Sku.objects.filter(product__kind="course", price__gt=0).order_by("pk")[0]
        order = placed(user, (sku, 1))
        self.open_attempt(order)
        self.sim.pay(f"{order.number}_1")
        self.wait(lambda: Order.objects.get(pk=order.pk).status == Status.PAID)
        return order

    def open_attempt(self, order: Order) -> None:
        """The buyer is at Alipay's cashier on some other device."""
        there = Addresses(f"{self.url}/pay/return/alipay/", f"{self.url}/pay/notify/alipay/")
        opened = open_attempt("order", order.pk, user_id=order.user_id, way=Way(), addresses=there)
        httpx.get(opened.redirect.url, follow_redirects=True, trust_env=False).raise_for_status()

    def trade(self, order: Order) -> dict[str, Any]:
        """The provider's trade for the order's first attempt."""
        found = self.sim.trade(f"{order.number}_1")
        assert found
        return found

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until something is true in the rows or at the provider."""
        return Simulator.wait(condition, seconds=20)

    def address(self, user: User) -> Address:
        """Where goods go to them."""
        return people.address_of(user)

    def invite(self, name: str = "alice") -> User:
        """Somebody new of that name."""
        name = self.new_name(name)
        return User.objects.create_user(name, f"{name}@shop.test", "open sesame 1")

    def session(self, user: User) -> str:
        """A signed-in session of theirs, for a browser that need not sign in."""
        store = SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store.save()
        return str(store.session_key)

    def use_database(self, name: str = "") -> str:
        """Let this process's models read and write the market's rows; the name used before."""
        before = connections.settings["default"]["NAME"]
        connections.close_all()
        connections.settings["default"]["NAME"] = name or self.database
        connections["default"].settings_dict["NAME"] = name or self.database
        return str(before)

    def _settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": make_conninfo(os.environ["DATABASE_URL"], dbname=self.database),
            "SHIGU_VAR": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    def _make_database(self) -> None:
        self._server("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._server("CREATE DATABASE {}")

    def _server(self, statement: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.database)))


def free_ports() -> int:
    """A port that is free together with the next ones, as the demo needs them."""
    start = 20_000 + os.getpid() % 2_000 * 10
    for port in range(start, start + 5_000, 10):
        with suppress(OSError):
            if all(is_free(HOST, port + more) for more in (0, 1, 3)):
                return port
    raise RuntimeError("no free ports")
