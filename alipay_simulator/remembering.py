"""Trades from before this simulator's time: a seeded shop has payments that nobody made here.

`remember` takes them in as paid, with their own numbers, so that they can be queried, refunded and found
on a bill. It announces nothing, and whoever is known already stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from alipay_simulator.desk import Desk
from alipay_simulator.rows import PAGE, SUCCESS, Trade
from alipay_simulator.wallets import SCANNER

MOST = 1000
LARGEST = 10**12


class NotATrade(ValueError):
    """What was told is no payment."""


def remember(desk: Desk, told: list[Mapping[str, Any]]) -> int:
    """Take these in; how many were new. NotATrade, and none of them, where one is nonsense."""
    trades = [_trade(desk, one) for one in told[:MOST]]
    with desk.store.change():
        return sum(_take_in(desk, trade) for trade in trades)


def _take_in(desk: Desk, trade: Trade) -> bool:
    sql = "SELECT 1 FROM trades WHERE out_trade_no = ? OR trade_no = ?"
    if desk.store.one(sql, trade.out_trade_no, trade.trade_no):
        return False
    desk.store.insert("trades", **asdict(trade))
    return True


def _trade(desk: Desk, told: Mapping[str, Any]) -> Trade:
    fen, refunded = _whole(told, "fen"), _whole(told, "refunded")
    paid_at = told.get("paid_at")
    if isinstance(paid_at, bool) or not isinstance(paid_at, int | float):
        raise NotATrade("paid_at is a number of seconds")
    if not math.isfinite(paid_at) or not 0 < fen < LARGEST or not 0 <= refunded <= fen:
        raise NotATrade("fen, refunded and paid_at do not make a payment")
    return Trade(
        trade_no=_text(told, "trade_no"),
        out_trade_no=_text(told, "out_trade_no"),
        kind=PAGE,
        status=SUCCESS,
        fen=fen,
        subject=_text(told, "subject"),
        body="",
        passback="",
        return_url="",
        notify_url="",
        buyer=SCANNER.logon_id,
        created_at=paid_at,
        expires_at=paid_at,
        paid_at=paid_at,
        closed_at=None,
        finish_at=paid_at + desk.settings.refund_window,
        refunded=refunded,
    )


def _whole(told: Mapping[str, Any], key: str) -> int:
    value = told.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotATrade(f"{key} is a whole number of fen")
    return value


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise NotATrade(f"{key} is a short text")
    return value
