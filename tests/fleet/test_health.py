"""Probes: is a process up, may it be sent visitors; asked by machines under any host, without https."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from kombu.exceptions import OperationalError

from shigu.fleet import health, lines
from shigu.fleet.health import Asker
from shigu.kit import migrations
from tests.fleet.brokers import Server, free_port
from tests.fleet.servers import Street
from tests.web.conftest import plain_static_files

__all__ = ["plain_static_files"]

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def asker(monkeypatch: pytest.MonkeyPatch) -> Asker:
    """One that has asked nothing yet."""
    fresh = Asker()
    monkeypatch.setattr("shigu.fleet.probes.asker", fresh)
    return fresh


def test_up_under_any_name(client: Client, settings: Any) -> None:
    """A container's own address, plain http: neither a bad request nor a redirect, and no cookie."""
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/healthz", headers={"host": "10.1.2.3:8000"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.post("/healthz").status_code == 405


def test_other_addresses_still_name_their_host(db: None, client: Client) -> None:
    """What is no probe goes on to the checks that everything else meets."""
    assert client.get("/clock.json", headers={"host": "10.1.2.3:8000"}).status_code == 400


def test_ready_with_a_database_and_its_tables(db: None, client: Client) -> None:
    """Parts that are not configured are not spoken of."""
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "tables": "ok"}


def test_not_ready_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visitors go elsewhere; why is for the doctor, not for whoever asks."""
    monkeypatch.setattr(health, "address", lambda: "host=127.0.0.1 port=1 password=hush")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "away", "tables": "away"}


def test_not_ready_while_tables_are_behind(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New code waits for its migrations, and is ready without a restart once they are there."""
    monkeypatch.setattr(migrations, "missing", lambda: 2)
    assert client.get("/readyz").status_code == 503
    monkeypatch.setattr(health, "REMEMBERED", -1)
    monkeypatch.setattr(migrations, "missing", lambda: 0)
    assert client.get("/readyz").json()["tables"] == "ok"


def test_a_lost_broker_or_redis_is_told_and_no_more(
    db: None, client: Client, settings: Any
) -> None:
    """The shop takes orders all the same, so it stays ready."""
    settings.CELERY_BROKER_URL = settings.REDIS_URL = NOBODY
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["ready"], told["broker"], told["redis"]) == (True, "away", "away")


def test_lines_that_stand(redis: tuple[str, Server], settings: Any) -> None:
    """A real Redis answers as broker and as Redis; a silent address does not."""
    settings.CELERY_BROKER_URL = settings.REDIS_URL = redis[0]
    lines.ask_broker()
    lines.ask_redis()
    settings.CELERY_BROKER_URL = f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    with pytest.raises(OperationalError, match="refused"):
        lines.ask_broker()


def test_many_who_ask_are_one_question(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a second the same answer; afterwards a new one."""
    asked = []
    monkeypatch.setattr(health, "answers", lambda: asked.append(1))
    for _ in range(5):
        client.get("/readyz")
    assert len(asked) == 1
    monkeypatch.setattr(health, "REMEMBERED", -1)
    client.get("/readyz")
    assert len(asked) == 2


def test_a_real_server_answers_them(street: Street, tmp_path: Path) -> None:
    """Through granian, with a pool: ready, and no line in the log for either."""
    pages = street.pages()
    assert pages.get("/readyz").json()["ready"] is True
    assert pages.get("/healthz").text == "ok\n"
    assert '"event": "request"' not in pages.said
