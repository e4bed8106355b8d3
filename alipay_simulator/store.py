"""Everything the simulator must not forget, in one SQLite file.

One connection, used from one thread; `Store.change()` is a transaction (nested calls join the outer one)
and nothing inside it awaits. So every verb is atomic against every other, which is what makes a close and
a payment in the same instant have exactly one winner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pages (
  token TEXT PRIMARY KEY, kind TEXT NOT NULL, out_trade_no TEXT NOT NULL, fen INTEGER NOT NULL,
  subject TEXT NOT NULL, body TEXT NOT NULL, passback TEXT NOT NULL, return_url TEXT NOT NULL,
  notify_url TEXT NOT NULL, quit_url TEXT NOT NULL, opened_at REAL NOT NULL, expires_at REAL NOT NULL,
  trade_no TEXT, tries INTEGER NOT NULL DEFAULT 0, scanned INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS pages_by_number ON pages (out_trade_no);
CREATE TABLE IF NOT EXISTS trades (
  trade_no TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  status TEXT NOT NULL, fen INTEGER NOT NULL CHECK (fen > 0), subject TEXT NOT NULL, body TEXT NOT NULL,
  passback TEXT NOT NULL, return_url TEXT NOT NULL, notify_url TEXT NOT NULL, buyer TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL, closed_at REAL, finish_at REAL,
  refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND fen));
CREATE INDEX IF NOT EXISTS trades_waiting ON trades (expires_at) WHERE status = 'WAIT_BUYER_PAY';
CREATE INDEX IF NOT EXISTS trades_finishing ON trades (finish_at) WHERE status = 'TRADE_SUCCESS';
CREATE INDEX IF NOT EXISTS trades_by_time ON trades (created_at);
CREATE TABLE IF NOT EXISTS refunds (
  id INTEGER PRIMARY KEY, trade_no TEXT NOT NULL, request_no TEXT NOT NULL, fen INTEGER NOT NULL,
  reason TEXT NOT NULL, refunded_at REAL NOT NULL, UNIQUE (trade_no, request_no));
CREATE TABLE IF NOT EXISTS notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT, notify_id TEXT NOT NULL UNIQUE, trade_no TEXT NOT NULL,
  out_trade_no TEXT NOT NULL, url TEXT NOT NULL, fields TEXT NOT NULL, status TEXT NOT NULL,
  due_at REAL, sent INTEGER NOT NULL DEFAULT 0, copies INTEGER NOT NULL DEFAULT 1,
  created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS notices_due ON notices (due_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS notices_by_trade ON notices (trade_no);
CREATE TABLE IF NOT EXISTS attempts (
  id INTEGER PRIMARY KEY, notice_id INTEGER NOT NULL, at REAL NOT NULL, body TEXT NOT NULL,
  status_code INTEGER, answer TEXT NOT NULL, problem TEXT NOT NULL, ok INTEGER NOT NULL,
  took_ms INTEGER NOT NULL, faults TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_by_notice ON attempts (notice_id);
CREATE TABLE IF NOT EXISTS faults (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, times INTEGER, method TEXT NOT NULL,
  out_trade_no TEXT NOT NULL, options TEXT NOT NULL, hits INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS calls (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, out_trade_no TEXT NOT NULL,
  code TEXT NOT NULL, sub_code TEXT NOT NULL, fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bills (
  token TEXT PRIMARY KEY, kind TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL,
  expires_at REAL NOT NULL);
"""
TABLES = ("pages", "trades", "refunds", "notices", "attempts", "faults", "calls", "bills", "meta")


class Store:
    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._depth = 0
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=2000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(SCHEMA)

    @contextmanager
    def change(self) -> Iterator[None]:
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth = 0

    def run(self, sql: str, *values: Any) -> int:
        """Rows touched."""
        return self._db.execute(sql, values).rowcount

    def insert(self, table: str, **values: Any) -> int:
        """The new row's id; names come from the code, never from a request."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        return self._db.execute(sql, tuple(values.values())).lastrowid or 0

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def count(self, table: str) -> int:
        row = self.one(f"SELECT count(*) AS n FROM {table}")
        return int(row["n"]) if row else 0

    def forget(self) -> None:
        """Empty every table; the keys are files and stay."""
        with self.change():
            for table in TABLES:
                self.run(f"DELETE FROM {table}")

    def close(self) -> None:
        self._db.close()
