"""Refunds: idempotent by the merchant's request number, never more in sum than was paid.

A full refund closes the trade; a partial one leaves it TRADE_SUCCESS and tells the merchant so once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from alipay_simulator.announcing import announce
from alipay_simulator.desk import Desk
from alipay_simulator.rows import (
    CLOSED,
    FINISHED,
    SUCCESS,
    Refund,
    Trade,
    TradeError,
    trade_by_numbers,
)
from alipay_simulator.trading import tidy


@dataclass(frozen=True)
class Refunded:
    trade: Trade
    refund: Refund
    moved: bool  # False: this very request was carried out before


def refund(
    desk: Desk, trade_no: str, out_trade_no: str, request_no: str, fen: int, reason: str
) -> Refunded:
    with desk.store.change():
        tidy(desk)
        trade = trade_by_numbers(desk.store, trade_no, out_trade_no)
        if not request_no and fen != trade.fen:
            raise TradeError("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        request_no = request_no or trade.out_trade_no
        before = find(desk, trade, request_no)
        if before is not None:
            return _again(trade, before, fen)
        _refundable(trade, fen)
        return _carry_out(desk, trade, request_no, fen, reason)


def find(desk: Desk, trade: Trade, request_no: str) -> Refund | None:
    sql = "SELECT * FROM refunds WHERE trade_no = ? AND request_no = ?"
    row = desk.store.one(sql, trade.trade_no, request_no)
    return Refund(**dict(row)) if row else None


def _again(trade: Trade, before: Refund, fen: int) -> Refunded:
    if before.fen != fen:
        raise TradeError("ACQ.DISCORDANT_REPEAT_REQUEST")
    return Refunded(trade, before, moved=False)


def _refundable(trade: Trade, fen: int) -> None:
    if trade.status == FINISHED:
        raise TradeError("ACQ.TRADE_HAS_FINISHED")
    if trade.paid and trade.refunded + fen > trade.fen:
        raise TradeError("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    if trade.status != SUCCESS:
        raise TradeError("ACQ.TRADE_STATUS_ERROR")


def _carry_out(desk: Desk, trade: Trade, request_no: str, fen: int, reason: str) -> Refunded:
    now = desk.now()
    whole = trade.refunded + fen == trade.fen
    desk.store.insert(
        "refunds",
        trade_no=trade.trade_no,
        request_no=request_no,
        fen=fen,
        reason=reason,
        refunded_at=now,
    )
    desk.store.run(
        "UPDATE trades SET refunded = refunded + ?, status = ?, closed_at = ? WHERE trade_no = ?",
        fen,
        CLOSED if whole else SUCCESS,
        now if whole else None,
        trade.trade_no,
    )
    trade = trade_by_numbers(desk.store, trade.trade_no, "")
    done = find(desk, trade, request_no)
    if done is None:
        raise TradeError("ACQ.SYSTEM_ERROR")
    announce(desk, trade, done)
    return Refunded(trade, done, moved=True)
