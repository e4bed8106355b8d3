"""A backup of a running shop, restored into an empty database, is the same shop and its audit is clean."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils.translation import override
from psycopg import sql

from tests import conftest as databases
from tests import goods, people
from tests.web.ordering import placed


@pytest.fixture
def empty(clone: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"{clone}_empty"
    databases._server(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield name
    connections.close_all()
    databases._use(clone)
    databases._drop(name)


def rows() -> dict[str, Any]:
    """How many rows each table has, and a figure of all that stands in them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        found = {}
        for name in names:
            table = sql.Identifier(name).as_string(None)
            cursor.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            )
            found[name] = cursor.fetchone()
    return found


def backed_up(path: Path) -> str:
    out = StringIO()
    with override("en"):
        call_command("backup", str(path), stdout=out)
    return out.getvalue()


def restored(path: Path, into: str) -> None:
    connections.close_all()
    databases._use(into)
    call_command("restore", str(path), stdout=StringIO())


def audit() -> dict[str, Any]:
    out = StringIO()
    call_command("audit", "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def refused(call: Callable[[], object]) -> str:
    with override("en"), pytest.raises(CommandError) as refusal:
        call()
    return str(refusal.value)


def test_a_restored_shop_is_the_same_and_its_audit_is_clean(
    clone: str, empty: str, tmp_path: Path
) -> None:
    """Every row of every table, no promise broken, no migration missing, and orders go on."""
    call_command("seed", stdout=StringIO())
    before = rows()
    assert sum(count for count, _ in before.values()) > 300
    said = backed_up(tmp_path / "shop.dump")
    assert "pictures are not in it" in said
    assert stat.S_IMODE((tmp_path / "shop.dump").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["shop.dump"]
    restored(tmp_path / "shop.dump", empty)
    assert rows() == before
    assert audit()["ok"] is True
    call_command("migrate", check_unapplied=True, verbosity=0)
    order = placed(people.alice(), (goods.sku(goods.teapot(stock=3)), 1))
    assert order.pk > 0
    assert audit()["ok"] is True


def test_what_is_written_meanwhile_is_whole_or_absent(
    clone: str, empty: str, tmp_path: Path
) -> None:
    """A transaction that is open while the copy is made is not in it, not even in part."""
    placed(people.alice(), (goods.sku(goods.teapot(stock=9)), 1))
    connections.close_all()
    with psycopg.connect(os.environ["DATABASE_URL"], dbname=clone) as other:
        other.execute("UPDATE orders_order SET payable = payable + 1")
        backed_up(tmp_path / "shop.dump")
        other.rollback()
    restored(tmp_path / "shop.dump", empty)
    assert audit()["ok"] is True


def test_a_full_database_is_not_filled_again(clone: str, tmp_path: Path) -> None:
    """Refused in words, with every row as it was."""
    goods.teapot()
    backed_up(tmp_path / "shop.dump")
    before = rows()
    assert "is not empty" in refused(lambda: restored(tmp_path / "shop.dump", clone))
    assert rows() == before


def test_a_damaged_file_leaves_the_database_empty(clone: str, empty: str, tmp_path: Path) -> None:
    """Half of a file, or something else: refused, and nothing of it was written."""
    goods.teapot()
    backed_up(tmp_path / "shop.dump")
    whole = (tmp_path / "shop.dump").read_bytes()
    for content in (whole[: len(whole) // 2], b"not a dump at all", b""):
        (tmp_path / "bad.dump").write_bytes(content)
        assert "pg_restore" in refused(lambda: restored(tmp_path / "bad.dump", empty))
        assert rows() == {}


def test_a_backup_overwrites_nothing(clone: str, tmp_path: Path) -> None:
    """A file that is there stays; a folder that is not there is named; no pieces are left behind."""
    kept = tmp_path / "shop.dump"
    kept.write_text("yesterday's")
    assert "exists" in refused(lambda: backed_up(kept))
    assert kept.read_text() == "yesterday's"
    assert "no folder" in refused(lambda: backed_up(tmp_path / "gone" / "shop.dump"))
    assert "There is no file" in refused(lambda: restored(tmp_path / "gone.dump", clone))
    assert [path.name for path in tmp_path.iterdir()] == ["shop.dump"]


def test_a_program_that_fails_is_told(
    clone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first words reach the operator, and no file pretends to be a backup."""
    fake = tmp_path / "programs"
    fake.mkdir()
    (fake / "pg_dump").write_text("#!/bin/sh\necho 'server version mismatch' >&2\nexit 1\n")
    (fake / "pg_dump").chmod(0o755)
    monkeypatch.setenv("SHIGU_PG_PROGRAMS", str(fake))
    assert "server version mismatch" in refused(lambda: backed_up(tmp_path / "shop.dump"))
    assert [path.name for path in tmp_path.iterdir()] == ["programs"]
