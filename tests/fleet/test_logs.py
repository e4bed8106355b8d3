"""Logs: one line a request with its id, the order's number where it is known, and no secret anywhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from django.db import IntegrityError, connection
from django.test import Client
from structlog.testing import LogCapture

from shigu import clock
from shigu.kit import logs
from shigu.ledger import posting
from shigu.ledger.models import Book, Event, account
from shigu.ledger.posting import Move
from shigu.orders.models import Order
from tests.fleet.servers import TOKEN, Street, signed_in
from tests.fleet.test_graceful import _form
from tests.goods import sku, teapot
from tests.people import PASSWORD, address_of, alice
from tests.web.conftest import plain_static_files

__all__ = ["plain_static_files"]


@pytest.fixture
def told() -> Iterator[LogCapture]:
    """Lines as they would be written, with what was bound."""
    before, caught = structlog.get_config()["processors"], LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, caught])
    yield caught
    structlog.configure(processors=before)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("proxy-id-0001", True),
        ("a" * 64, True),
        ("short", False),
        ("a" * 65, False),
        ("with space in", False),
        ("line\u000abreak-12", False),
        ("<script>alert</script>", False),
        ("", False),
    ],
)
def test_the_callers_id_where_it_is_sane(client: Client, db: None, sent: str, kept: bool) -> None:
    """Otherwise a new one; the answer carries it."""
    answer = client.get("/clock.json", headers={"x-request-id": sent})
    said = answer.headers["X-Request-Id"]
    assert (said == sent) is kept
    assert len(said) >= 8


def test_each_request_has_its_own(client: Client, db: None) -> None:
    """Nothing of one request is bound in the next."""
    first, second = (client.get("/clock.json").headers["X-Request-Id"] for _ in range(2))
    assert first != second
    assert structlog.contextvars.get_contextvars() == {}


def test_secrets_are_masked() -> None:
    """By name, inside of mappings, and the password in an address; the rest is told."""
    line = {
        "event": "x",
        "password": "hush",
        "csrf_token": "hush",
        "data": {"session_key": "hush", "pieces": 2},
        "error": "cannot reach postgresql://shop:hush@db/shop",
        "number": "2026",
    }
    shown = str(logs.masked(None, "", line))
    assert "hush" not in shown
    assert "2026" in shown
    assert "postgresql://shop:***@db/shop" in shown


def test_an_error_is_told_without_the_row(clone: str) -> None:
    """PostgreSQL repeats the row in its second line; the first says enough."""
    street = "西市坊 77 号"
    with pytest.raises(IntegrityError) as problem, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_address (user_id, street) VALUES (%s, %s)", [alice().pk, street]
        )
    assert street in str(problem.value), "the control: the message itself does hold it"
    assert street not in logs.told(problem.value)
    assert "IntegrityError" in logs.told(problem.value)


def test_djangos_own_lines_name_no_address() -> None:
    """A page that fails is told by its route, for its address may hold a key."""
    record = logging.makeLogRecord(
        {"name": "django.request", "msg": "%s: %s", "args": ("Internal Server Error", "/key/abc/")}
    )
    line = logs.without_addresses(None, "", {"event": record.getMessage(), "_record": record})
    assert line["event"] == "Internal Server Error"


def test_a_whole_purchase_tells_no_secret(street: Street, tmp_path: Path) -> None:
    """Sign in, order, pay from the balance, a forged notify: its lines hold ids and numbers, no secrets."""
    secret, metrics = "s3cret-" * 8, "metrics-token-0123456789"
    buyer, goods = alice(), sku(teapot())
    home = address_of(buyer)
    _give_balance(buyer.pk, 100_000)
    pages = street.pages(SHIGU_SECRET_KEY=secret, SHIGU_METRICS="1", SHIGU_METRICS_TOKEN=metrics)
    _knock(pages.url, metrics)
    with signed_in(buyer) as browser:
        browser.cookies.delete("sessionid")
        form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": TOKEN}
        assert browser.post(f"{pages.url}/accounts/login/", data=form).status_code == 302
        session = browser.cookies["sessionid"]
        page = browser.get(f"{pages.url}/confirm/?sku={goods.pk}&quantity=1")
        entered = _form(page.text)
        placing = browser.post(f"{pages.url}/confirm/place/", data=entered)
        assert placing.status_code == 302
        order = Order.objects.get()
        way = {"way": "balance", "csrfmiddlewaretoken": entered["csrfmiddlewaretoken"]}
        paying = browser.post(f"{pages.url}/pay/{order.number}/open", data=way)
        assert paying.status_code == 302
        assert browser.get(f"{pages.url}/pay/{order.number}/result/").status_code == 200
        browser.post(f"{pages.url}/pay/notify/alipay/", content="sign=forged&trade_no=1")
    order.refresh_from_db()
    assert order.settled_at
    lines = [json.loads(line) for line in pages.said.splitlines() if line.startswith("{")]
    by_route = {line["route"]: line for line in lines if line["event"] == "request"}
    assert by_route["confirm/place/"]["order"] == order.number
    assert by_route["pay/<slug:number>/open"]["order"] == order.number
    assert by_route["confirm/place/"]["request_id"] == placing.headers["X-Request-Id"]
    assert by_route["confirm/place/"]["user"] == buyer.pk
    secrets = {
        *(secret, metrics, PASSWORD, session, TOKEN, entered["csrfmiddlewaretoken"]),
        *(home.street, home.phone, home.region, buyer.email, "forged", "PRIVATE KEY"),
    }
    assert not {word for word in secrets if word in pages.said}
    pages.log.write_text(pages.said + PASSWORD)
    assert PASSWORD in pages.said, "the control: it would be seen"


def _knock(url: str, token: str) -> None:
    import httpx

    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "10.0.0.1"}
    answer = httpx.get(f"{url}/metrics", headers=headers, trust_env=False, timeout=20)
    assert answer.status_code == 200


def _give_balance(user_id: int, fen: int) -> None:
    theirs = account(Book.BALANCE, user_id)
    posting.lock([theirs])
    move = Move(Event.ADJUST, user_id, account(Book.GIVEN), theirs, fen, 1)
    posting.post([move], at=clock.now())
