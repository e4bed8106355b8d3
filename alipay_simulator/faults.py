"""Fault switches: what may go wrong between a merchant and Alipay, made to go wrong on purpose.

A switch has a name from `KNOWN`, may be limited (`times`, `method`, `out_trade_no`) and carries its options
(`seconds`, `count`, `value`, `execute`). Code that can go wrong asks `Faults.take(name, …)` at the very spot
and gets the switch, one use counted, or None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from alipay_simulator.store import Store

CREATED = ("notify_duplicate", "notify_before_return", "notify_lost", "notify_delayed")
SENT = (
    "notify_wrong_amount",
    "notify_app_id",
    "notify_seller_id",
    "notify_out_trade_no",
    "notify_sign_bad",
    "notify_sign_missing",
    "notify_sign_junk",
    "notify_sign_type_rsa",
    "notify_tampered",
)
RETURNED = ("return_lost", "return_sign_bad", "return_tampered")
ANSWERED = (
    "gateway_500",
    "gateway_timeout",
    "gateway_truncated",
    "gateway_html",
    "gateway_unsigned_error",
    "gateway_system_error",
    "gateway_answer_lost",
    "gateway_sign_bad",
    "gateway_sub_code",
)
REFUNDED = ("refund_fund_change_n",)
BILLED = ("bill_missing_row", "bill_surplus_row", "bill_wrong_amount", "bill_early")
KNOWN = CREATED + SENT + RETURNED + ANSWERED + REFUNDED + BILLED
MOST = 100


class BadFault(ValueError):
    """The switch is unknown or one of its limits makes no sense."""


@dataclass(frozen=True)
class Fault:
    id: int
    name: str
    times: int | None
    method: str
    out_trade_no: str
    seconds: float | None
    count: int
    value: str
    execute: bool | None
    hits: int

    def told(self) -> dict[str, Any]:
        return dict(vars(self))


class Faults:
    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, wanted: object) -> Fault:
        name, limits, options = _checked(wanted)
        with self._store.change():
            if self._store.count("faults") >= MOST:
                self._store.run("DELETE FROM faults WHERE times = 0")
            if self._store.count("faults") >= MOST:
                raise BadFault(f"no more than {MOST} switches at once; clear some first")
            row = self._store.insert("faults", name=name, **limits, options=json.dumps(options))
        return next(fault for fault in self.listed() if fault.id == row)

    def listed(self) -> list[Fault]:
        rows = self._store.all("SELECT * FROM faults ORDER BY id LIMIT ?", MOST)
        return [_fault(dict(row)) for row in rows]

    def clear(self, name: str = "", number: int = 0) -> int:
        if number:
            return self._store.run("DELETE FROM faults WHERE id = ?", number)
        return self._store.run("DELETE FROM faults WHERE ?1 IN ('', name)", name)

    def take(self, *names: str, out_trade_no: str = "", method: str = "") -> Fault | None:
        """The first live switch of these names that applies here, one of its uses spent."""
        marks = ", ".join("?" * len(names))
        row = self._store.one(
            f"""UPDATE faults SET hits = hits + 1, times = times - 1 WHERE id = (
                 SELECT id FROM faults WHERE name IN ({marks}) AND (times IS NULL OR times > 0)
                 AND out_trade_no IN ('', ?) AND method IN ('', ?) ORDER BY id LIMIT 1) RETURNING *""",
            *names,
            out_trade_no,
            method,
        )
        return _fault(dict(row)) if row else None


def _fault(row: dict[str, Any]) -> Fault:
    options = json.loads(row.pop("options"))
    return Fault(**row, **options)


def _checked(wanted: object) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if not isinstance(wanted, dict):
        raise BadFault("a switch is an object with a name")
    stray = set(wanted) - {
        "name",
        "times",
        "method",
        "out_trade_no",
        "seconds",
        "count",
        "value",
        "execute",
    }
    if stray:
        raise BadFault(f"unknown limits: {', '.join(sorted(map(str, stray)))}")
    name = wanted.get("name")
    if name not in KNOWN:
        raise BadFault(f"unknown switch; known are: {', '.join(KNOWN)}")
    limits = {
        "times": _number(wanted, "times", 1, 10_000),
        "method": _text(wanted, "method"),
        "out_trade_no": _text(wanted, "out_trade_no"),
    }
    seconds = _number(wanted, "seconds", 0, 3600)
    count = int(_number(wanted, "count", 1, 50) or 3)
    execute = wanted.get("execute")
    if execute is not None and not isinstance(execute, bool):
        raise BadFault("execute is true or false")
    return (
        name,
        limits,
        {"seconds": seconds, "count": count, "value": _text(wanted, "value"), "execute": execute},
    )


def _number(wanted: dict[str, Any], key: str, least: float, most: float) -> float | None:
    value = wanted.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadFault(f"{key} is a number from {least} to {most}")
    return value


def _text(wanted: dict[str, Any], key: str) -> str:
    value = wanted.get(key) or ""
    if not isinstance(value, str) or len(value) > 200:
        raise BadFault(f"{key} is a short text")
    return value
