"""What the tests of this room do with a shop: place, open the cashier, look at what became of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.core.wsgi import get_wsgi_application
from django.db import connection

from alipay_simulator.control import Simulator
from alipay_simulator.signing import notice_string
from alipay_simulator.signing import sign as alipay_sign
from shigu import clock
from shigu.accounts.models import User
from shigu.catalogue import stock
from shigu.catalogue.models import (
    Category,
    Direction,
    Kind,
    Moved,
    Product,
    Sku,
    Stock,
)
from shigu.clock.drain import drain_all
from shigu.orders.admission import Choice, Placing
from shigu.orders.models import Order
from shigu.orders.placing import Placed, place_many
from shigu.payments.models import Attempt
from shigu.payments.opening import Opened, Way, open_attempt
from shigu.web import callbacks

PRICE = 9900


class Shop:
    """Alice's shop: one kind of goods at ¥99, ten of it, and the real simulator at the other end."""

    def __init__(self, simulator: Simulator | None = None) -> None:
        self.simulator = simulator
        self.alice = User.objects.create_user("alice", "alice@example.org")
        self.sku = goods()
        self._keys = 0

    @property
    def gate(self) -> Simulator:
        assert self.simulator is not None
        return self.simulator

    def order(self, quantity: int = 1) -> Order:
        """Alice places an order."""
        self._keys += 1
        choice = Choice(self.sku.pk, quantity, PRICE)
        placing = Placing(self.alice.pk, f"key-{self._keys}", (choice,), sent_to="Alice, Shanghai")
        (placed,) = place_many([placing])
        assert isinstance(placed, Placed), placed
        return Order.objects.get(pk=placed.order_id)

    def open(self, order: Order, channel: str = "page") -> Opened:
        """Alice opens the cashier, as far as the shop is concerned."""
        way = Way("alipay", channel)
        addresses = callbacks.addresses("alipay")
        return open_attempt("order", order.pk, user_id=self.alice.pk, way=way, addresses=addresses)

    def cashier(self, order: Order, channel: str = "page") -> Attempt:
        """Alice opens the cashier in her browser: Alipay shows its page, nothing exists there yet."""
        import httpx

        opened = self.open(order, channel)
        answer = httpx.get(opened.redirect.url, trust_env=False)
        assert answer.status_code == 302, answer.text
        return opened.attempt

    def attempt(self, channel: str = "page") -> Attempt:
        """An order placed and its cashier open."""
        return self.cashier(self.order(), channel)

    def pay(self, attempt: Attempt) -> dict[str, Any]:
        """Alice pays at Alipay."""
        return self.gate.pay(attempt.out_trade_no)

    def told(self, attempt: Attempt, *, least: int = 1) -> list[str]:
        """What the shop answered to each notify, once there were `least` deliveries."""
        number = attempt.out_trade_no
        self.gate.wait(lambda: len(self.gate.attempts(number)) >= least, what="the notify")
        return [delivery["answer"] for delivery in self.gate.attempts(number)]

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        """Time passes, here and at Alipay."""
        with clock.shifted(by):
            self.gate.clock(clock.offset().total_seconds())
            yield
        self.gate.clock(clock.offset().total_seconds())

    def ring(self) -> None:
        """The clock does what is due."""
        drain_all()


def goods(on_hand: int = 10) -> Sku:
    """One kind of goods with `on_hand` pieces."""
    direction = Direction.objects.create(slug="tea", kind=Kind.GOODS, name_zh="茶")
    category = Category.objects.create(slug="cups", direction=direction, name_zh="杯")
    product = Product.objects.create(
        kind=Kind.GOODS, slug="cup", category=category, name_zh="青瓷杯", name_en="Celadon cup"
    )
    sku = Sku.objects.create(product=product, code="cup-1", price=PRICE)
    Stock.objects.create(sku=sku)
    subject, now = "first delivery", clock.now()
    stock.correct(sku.pk, pieces=on_hand, kind=Moved.RECEIPT, subject=subject, by="", now=now)
    return sku


SWEEP = """
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN
    ('django_migrations', 'django_content_type', 'auth_permission', 'clock_offset')
  LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
  UPDATE clock_offset SET moved = interval '0';
END $$
"""


def sweep() -> None:
    """Empty every table, foreign keys and triggers disregarded."""
    with connection.cursor() as cursor:
        cursor.execute(SWEEP)


def now_of(row: Any) -> Any:
    """The row as it is in the database now."""
    return type(row)._default_manager.get(pk=row.pk)


MONEY_TABLES = (
    "payments_attempt",
    "payments_notice",
    "payments_refund",
    "orders_order",
    "orders_orderevent",
    "catalogue_stock",
    "ledger_account",
    "ledger_transfer",
)


def everything() -> dict[str, list[str]]:
    """All rows that money can move, as text: equal before and after means nothing changed."""
    found = {}
    with connection.cursor() as cursor:
        for table in MONEY_TABLES:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = [row[0] for row in cursor.fetchall()]
    return found


def signed_notify(key: RSAPrivateKey, **fields: str) -> bytes:
    """A notify as Alipay would send it, signed with `key`."""
    message = notice_string(fields).encode()
    return urlencode(fields | {"sign_type": "RSA2", "sign": alipay_sign(key, message)}).encode()


def private_key(pem: bytes) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, RSAPrivateKey)
    return key


def notify_fields(attempt: Attempt, app: dict[str, str], **changes: str) -> dict[str, str]:
    """The fields of an ordinary notify that `attempt` was paid; `changes` go on top."""
    from shigu.kit.money import yuan

    return {
        "notify_id": f"n{attempt.pk}",
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "app_id": app["app_id"],
        "seller_id": app["seller_id"],
        "out_trade_no": attempt.out_trade_no,
        "trade_no": "2026112122001",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": yuan(attempt.amount),
        "gmt_payment": "2026-11-21 10:00:00",
        "subject": "青瓷杯 + {tea} & 茶",
    } | changes


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = False  # closing it waits for whoever is still being served


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def served() -> Iterator[str]:
    """The shop over HTTP on a free port of this machine; its address."""
    application = get_wsgi_application()
    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
