"""What the simulator remembers, as plain values for the control API and the console. Every list is bounded."""

from __future__ import annotations

from typing import Any

from alipay_simulator.beijing import stamp
from alipay_simulator.desk import Desk
from alipay_simulator.rows import Attempt, Notice, Trade, refunds_of
from alipay_simulator.yuan import yuan

Told = dict[str, Any]
MOST_ATTEMPTS = 60


def clock_told(desk: Desk) -> Told:
    now, offset = desk.now(), desk.clock.offset
    return {"now": stamp(now), "epoch": now, "offset_seconds": offset, "speed": desk.settings.speed}


def trades(desk: Desk, *, out_trade_no: str = "", limit: int = 100, skip: int = 0) -> list[Trade]:
    """Newest first."""
    sql = """SELECT * FROM trades WHERE ? IN ('', out_trade_no)
             ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?"""
    return [Trade(**dict(row)) for row in desk.store.all(sql, out_trade_no, limit, skip)]


def notices(
    desk: Desk, *, out_trade_no: str = "", trade_no: str = "", limit: int = 100, skip: int = 0
) -> list[Notice]:
    """Newest first."""
    sql = """SELECT * FROM notices WHERE ? IN ('', out_trade_no) AND ? IN ('', trade_no)
             ORDER BY id DESC LIMIT ? OFFSET ?"""
    return [Notice(**dict(row)) for row in desk.store.all(sql, out_trade_no, trade_no, limit, skip)]


def attempts(desk: Desk, notice: Notice, limit: int = MOST_ATTEMPTS) -> list[Attempt]:
    """Oldest first, the newest `limit` of them."""
    sql = "SELECT * FROM attempts WHERE notice_id = ? ORDER BY id DESC LIMIT ?"
    return [Attempt(**dict(row)) for row in reversed(desk.store.all(sql, notice.id, limit))]


def calls(desk: Desk, *, out_trade_no: str = "", limit: int = 100) -> list[Told]:
    sql = "SELECT * FROM calls WHERE ? IN ('', out_trade_no) ORDER BY id DESC LIMIT ?"
    return [dict(row) for row in desk.store.all(sql, out_trade_no, limit)]


def pages(desk: Desk, *, out_trade_no: str = "", limit: int = 100) -> list[Told]:
    sql = "SELECT * FROM pages WHERE ? IN ('', out_trade_no) ORDER BY opened_at DESC, rowid DESC LIMIT ?"
    return [dict(row) for row in desk.store.all(sql, out_trade_no, limit)]


def state(desk: Desk, *, out_trade_no: str = "", limit: int = 100) -> Told:
    return {
        "clock": clock_told(desk),
        "trades": [_trade(desk, t) for t in trades(desk, out_trade_no=out_trade_no, limit=limit)],
        "pages": pages(desk, out_trade_no=out_trade_no, limit=limit),
        "notifications": [
            _notice(desk, n) for n in notices(desk, out_trade_no=out_trade_no, limit=limit)
        ],
        "calls": calls(desk, out_trade_no=out_trade_no, limit=limit),
        "faults": [fault.told() for fault in desk.faults.listed()],
    }


def _trade(desk: Desk, trade: Trade) -> Told:
    refunds = [
        vars(refund) | {"amount": yuan(refund.fen)}
        for refund in refunds_of(desk.store, trade.trade_no)
    ]
    return vars(trade) | {
        "trade_status": trade.status,
        "total_amount": yuan(trade.fen),
        "refunds": refunds,
    }


def _notice(desk: Desk, notice: Notice) -> Told:
    return vars(notice) | {"attempts": [vars(attempt) for attempt in attempts(desk, notice)]}
