"""The doctor: each line is ok, or says what is wrong and what to do; nothing wrong hides another."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import call_command
from django.utils import translation

from shigu import clock
from shigu.clock.kinds import find
from shigu.clock.models import Dispatcher, Quarantine
from shigu.clock.quarantine import park
from shigu.fleet import doctor
from shigu.fleet.doctor import database, keys, ringing, surroundings
from shigu.fleet.doctor.finding import Finding
from shigu.kit import migrations
from shigu.payments.providers.alipay import gateway
from shigu.payments.providers.alipay import keys as alipay
from tests.fleet.brokers import Server, free_port

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def found(findings: Iterator[Finding], topic: str) -> list[Finding]:
    """Those of one topic, in English."""
    with translation.override("en"):
        return [finding for finding in findings if finding.topic == topic]


def one(findings: Iterator[Finding], topic: str) -> Finding:
    (only,) = found(findings, topic)
    return only


def is_told(finding: Finding, *words: str) -> bool:
    """It is wrong, says these words, and what to do."""
    return not finding.ok and bool(finding.todo) and all(word in finding.line for word in words)


def test_a_line_says_it_or_what_to_do() -> None:
    """The two shapes of a line."""
    assert Finding("mail", True, "greets us").line == "ok mail: greets us"
    assert Finding("mail", False, "silent", "Start it.").line == "✗ mail: silent — Start it."


def test_the_database_of_the_tests_forgets_and_is_told_so(db: None) -> None:
    """These tests run on a cluster with fsync off: that is found; the rest of it is well."""
    looked = list(database.look())
    (settings_line,) = [each for each in looked if each.topic == "settings"]
    assert is_told(settings_line, "fsync = off", "synchronous_commit = off")
    assert all(each.ok for each in looked if each.topic != "settings")
    assert "PostgreSQL 18" in looked[0].said


def test_an_old_server_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older than what the shop needs."""
    monkeypatch.setattr(database, "OLDEST", 990_000)
    assert is_told(one(database.look(), "database"), "PostgreSQL 18")


def test_pools_that_do_not_add_up_are_told(db: None, settings: Any) -> None:
    """The last process too many is found; one fewer fits."""
    room = 200 - 3 - database.SPARE
    settings.POOL, settings.PROCESSES = 10, room // 10
    assert one(database.look(), "connections").ok
    settings.PROCESSES += 1
    assert is_told(one(database.look(), "connections"), "SHIGU_POOL")


def test_tables_behind_and_a_clock_that_differs(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are told together."""
    monkeypatch.setattr(migrations, "missing", lambda: 2)
    real = database.time.time
    monkeypatch.setattr(database.time, "time", lambda: real() + 60)
    looked = list(database.look())
    assert is_told(one(iter(looked), "tables"))
    assert any(each.topic == "time" and not each.ok for each in looked)


def test_a_clock_that_may_be_moved_has_no_place_in_production(db: None, settings: Any) -> None:
    """Fine for a demo."""
    assert all(each.ok for each in found(database.look(), "time"))
    settings.PRODUCTION = True
    assert any(is_told(each, "shigu clock real") for each in found(database.look(), "time"))


def test_an_unknown_zone_is_told_by_both(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python and PostgreSQL keep zone data of their own."""
    assert database._zone().ok
    assert surroundings._zone().ok
    monkeypatch.setattr(database, "settings", SimpleNamespace(TIME_ZONE="Asia/Changan"))
    monkeypatch.setattr(surroundings, "settings", SimpleNamespace(TIME_ZONE="Asia/Changan"))
    assert is_told(database._zone(), "Asia/Changan")
    assert is_told(surroundings._zone(), "Asia/Changan")


def test_storage_that_cannot_be_written(settings: Any, tmp_path: Path) -> None:
    """A file where the folder should be; and a full disk."""
    settings.VAR_DIR = settings.MEDIA_ROOT = tmp_path
    assert one(surroundings.look(), "storage").ok
    (tmp_path / "file").write_text("")
    settings.VAR_DIR = tmp_path / "file" / "var"
    assert any(is_told(each, "SHIGU_VAR") for each in found(surroundings.look(), "storage"))
    assert list(tmp_path.iterdir()) == [tmp_path / "file"], "nothing is left behind"


def test_a_container_may_write_no_more_than_it_must(settings: Any, tmp_path: Path) -> None:
    """With Redis nothing but pictures and figures is written; without it, the folder above them, too."""
    settings.VAR_DIR = tmp_path / "file" / "var"
    (tmp_path / "file").write_text("")
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.METRICS, settings.REDIS_URL = False, "redis://127.0.0.1:1/0"
    assert one(surroundings.look(), "storage").ok
    settings.METRICS = True
    assert not all(each.ok for each in found(surroundings.look(), "storage"))
    settings.METRICS, settings.REDIS_URL = False, ""
    assert not all(each.ok for each in found(surroundings.look(), "storage"))


def test_files_that_are_not_collected(settings: Any, static: Path, tmp_path: Path) -> None:
    """None, all, and one that is older than its source."""
    settings.STATIC_ROOT = tmp_path / "none"
    assert is_told(one(surroundings.look(), "static files"), "collectstatic")
    settings.STATIC_ROOT = static
    assert one(surroundings.look(), "static files").ok
    changed = static / "web" / "css" / "base.css"
    kept = changed.read_bytes()
    changed.write_bytes(kept + b"/* older */")
    try:
        assert is_told(one(surroundings.look(), "static files"), "web/css/base.css")
    finally:
        changed.write_bytes(kept)


class Greeter(socketserver.StreamRequestHandler):
    """Just enough SMTP to greet; remembers whether a mail was begun."""

    begun: list[bytes] = []

    def handle(self) -> None:
        self.wfile.write(b"220 post.test\r\n")
        for line in self.rfile:
            if line.upper().startswith((b"MAIL", b"RCPT", b"DATA")):
                self.begun.append(line)
            done = line.upper().startswith(b"QUIT")
            self.wfile.write(b"221 bye\r\n" if done else b"250 ok\r\n")
            if done:
                break


def test_mail_is_greeted_and_none_is_sent(settings: Any) -> None:
    """A server that greets, one that is away, and a backend that reaches nobody."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        settings.EMAIL_PORT = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert one(surroundings.look(), "mail").ok
        server.shutdown()
    assert Greeter.begun == []
    settings.EMAIL_PORT = free_port()
    assert is_told(one(surroundings.look(), "mail"), "SHIGU_SMTP_HOST")
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert one(surroundings.look(), "mail").ok
    settings.PRODUCTION = True
    assert is_told(one(surroundings.look(), "mail"), SMTP)


def test_broker_and_redis(redis: tuple[str, Server], settings: Any) -> None:
    """None, there, away; a password in the address is told to nobody."""
    assert one(surroundings.look(), "broker").ok
    settings.CELERY_BROKER_URL = settings.REDIS_URL = redis[0]
    assert one(surroundings.look(), "broker").ok
    assert one(surroundings.look(), "redis").ok
    away = f"redis://:hush@127.0.0.1:{free_port()}/0"
    settings.CELERY_BROKER_URL = settings.REDIS_URL = away
    for topic in ("broker", "redis"):
        finding = one(surroundings.look(), topic)
        assert is_told(finding, "does not answer")
        assert "hush" not in finding.line


@pytest.fixture
def pairs() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    """Ours and theirs."""
    ours, theirs = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    return ours, theirs


def test_alipays_keys(
    pairs: tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Believed; our own public key given back; an app of another key; nobody there; no keys."""
    ours, theirs = pairs
    right = alipay.Keys("1", "2", ours, (theirs.public_key(),))
    monkeypatch.setattr(alipay, "load", lambda: right)
    reply = gateway.Reply("40004", keys.THERE_IS_NONE, {})
    monkeypatch.setattr(gateway, "call", lambda *_: reply)
    assert all(each.ok for each in found(keys.look(), "alipay"))
    monkeypatch.setattr(
        gateway, "call", lambda *_: gateway.Reply("40002", "isv.invalid-signature", {})
    )
    assert is_told(found(keys.look(), "alipay")[-1], "isv.invalid-signature")

    def silence(*_: object) -> None:
        raise gateway.Silence("ConnectError")

    monkeypatch.setattr(gateway, "call", silence)
    assert is_told(found(keys.look(), "alipay")[-1], "ConnectError", "ALIPAY_GATEWAY")
    wrong = alipay.Keys("1", "2", ours, (ours.public_key(),))
    monkeypatch.setattr(alipay, "load", lambda: wrong)
    assert is_told(one(keys.look(), "alipay"), "ALIPAY_PUBLIC_KEY_FILE")


def test_keys_that_are_not_there(settings: Any, tmp_path: Path) -> None:
    """The simulator's folder is empty; in production they are not even named."""
    settings.ALIPAY_SIMULATOR_DIR = str(tmp_path)
    assert is_told(one(keys.look(), "alipay"), "app.json", "alipay_simulator init")
    settings.PRODUCTION, settings.SECRET_KEY = True, "short"
    assert is_told(one(keys.look(), "secret key"), "SHIGU_SECRET_KEY")
    assert is_told(found(keys.look(), "alipay")[-1], "ALIPAY_APP_ID")
    settings.SECRET_KEY = "long enough for any production there is"[:39] + "!" * 11
    assert one(keys.look(), "secret key").ok


def test_who_drives_the_clock(db: None) -> None:
    """Nobody; somebody long gone; somebody."""
    assert is_told(found(ringing.look(), "clock")[0], "nobody")
    at = clock.now()
    row = Dispatcher.objects.create(
        name="beat:1", started_at=at, ticked_at=at - timedelta(minutes=5)
    )
    assert not found(ringing.look(), "clock")[0].ok
    Dispatcher.objects.filter(pk=row.pk).update(ticked_at=at)
    looked = found(ringing.look(), "clock")
    assert all(each.ok for each in looked)
    assert "beat:1" in looked[0].said


def test_parked_kinds_and_rows_set_aside(db: None) -> None:
    """Each is a line of its own, with what to do."""
    at = clock.now()
    Dispatcher.objects.create(name="beat:1", started_at=at, ticked_at=at)
    park(find("orders.expire"), "psycopg.Error")
    Quarantine.objects.create(kind="payments.ask", subject=1, due_at=at, try_at=at, failed_at=at)
    told = [each.line for each in found(ringing.look(), "clock") if not each.ok]
    assert any("shigu clock unpark orders.expire" in line for line in told)
    assert any("payments.ask" in line for line in told)
    assert len(told) == 2


def test_a_look_that_breaks_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding itself; the next is looked at."""

    def breaks() -> Iterator[Finding]:
        yield Finding("first", True, "seen")
        raise RuntimeError("odd\nwith a row")

    looks = [("odd", breaks), ("next", lambda: iter([Finding("next", True, "seen")]))]
    monkeypatch.setattr(doctor, "LOOKS", looks)
    topics = {each.topic: each for each in doctor.examine()}
    assert list(topics) == ["first", "odd", "next"]
    assert is_told(topics["odd"], "RuntimeError: odd")
    assert "row" not in topics["odd"].line


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 where one is wrong, 0 where all is well; the same for programs."""
    monkeypatch.setattr(
        "shigu.fleet.management.commands.doctor.examine",
        lambda: iter([Finding("mail", True, "well"), Finding("redis", False, "away", "Start it.")]),
    )
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor", no_color=True)
    assert capsys.readouterr().out == "ok mail: well\n✗ redis: away — Start it.\n"
    with pytest.raises(SystemExit):
        call_command("doctor", json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["findings"][1]["todo"] == "Start it."
    monkeypatch.setattr(
        "shigu.fleet.management.commands.doctor.examine",
        lambda: iter([Finding("mail", True, "well")]),
    )
    call_command("doctor")


def test_it_speaks_chinese(db: None) -> None:
    """The default language."""
    with translation.override("zh-hans"):
        assert "没有进程驱动" in next(ringing.look()).line


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    """The whole command: no traceback, status 1, and the rest is still looked at."""
    env = os.environ | {
        "DATABASE_URL": "postgresql://shop:hush@127.0.0.1:1/shop",
        "SHIGU_VAR": str(tmp_path),
        "SHIGU_LANGUAGE": "en",
    }
    done = subprocess.run(
        [sys.executable, "-m", "shigu", "doctor", "--no-color"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "✗ database:" in done.stdout
    assert "ok storage:" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "hush" not in done.stdout + done.stderr
