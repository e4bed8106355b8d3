"""The rows as typed values: a cashier page, a trade, a refund, a notice, an attempt to deliver it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from alipay_simulator.beijing import moment
from alipay_simulator.store import Store

WAIT, SUCCESS, CLOSED, FINISHED = (
    "WAIT_BUYER_PAY",
    "TRADE_SUCCESS",
    "TRADE_CLOSED",
    "TRADE_FINISHED",
)
PAGE, WAP = "page", "wap"


@dataclass(frozen=True)
class Page:
    token: str
    kind: str
    out_trade_no: str
    fen: int
    subject: str
    body: str
    passback: str
    return_url: str
    notify_url: str
    quit_url: str
    opened_at: float
    expires_at: float
    trade_no: str | None
    tries: int
    scanned: int


@dataclass(frozen=True)
class Trade:
    trade_no: str
    out_trade_no: str
    kind: str
    status: str
    fen: int
    subject: str
    body: str
    passback: str
    return_url: str
    notify_url: str
    buyer: str
    created_at: float
    expires_at: float
    paid_at: float | None
    closed_at: float | None
    finish_at: float | None
    refunded: int

    @property
    def paid(self) -> bool:
        return self.paid_at is not None


@dataclass(frozen=True)
class Refund:
    id: int
    trade_no: str
    request_no: str
    fen: int
    reason: str
    refunded_at: float


@dataclass(frozen=True)
class Notice:
    id: int
    notify_id: str
    trade_no: str
    out_trade_no: str
    url: str
    fields: str
    status: str
    due_at: float | None
    sent: int
    copies: int
    created_at: float


@dataclass(frozen=True)
class Attempt:
    id: int
    notice_id: int
    at: float
    body: str
    status_code: int | None
    answer: str
    problem: str
    ok: int
    took_ms: int
    faults: str


class TradeError(Exception):
    """A business refusal, as Alipay's sub_code and its message."""

    def __init__(self, sub_code: str) -> None:
        self.sub_code = sub_code
        self.message = MESSAGES.get(sub_code, "业务处理失败")
        super().__init__(f"{sub_code}: {self.message}")


MESSAGES = {
    "ACQ.TRADE_NOT_EXIST": "交易不存在",
    "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
    "ACQ.TRADE_HAS_FINISHED": "交易已完结",
    "ACQ.TRADE_STATUS_ERROR": "交易状态不合法",
    "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.INVALID_PARAMETER": "参数无效",
    "ACQ.SYSTEM_ERROR": "系统错误",
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "卖家余额不足",
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": "买家余额不足",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额与订单金额不一致，部分退款需要传入退款请求号",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "同一请求号的退款金额与首次不一致",
    "SIM.EXPIRED": "订单已超时",
}


def page_by_token(store: Store, token: str) -> Page | None:
    row = store.one("SELECT * FROM pages WHERE token = ?", token)
    return Page(**dict(row)) if row else None


def newest_page(store: Store, out_trade_no: str) -> Page | None:
    sql = "SELECT * FROM pages WHERE out_trade_no = ? ORDER BY opened_at DESC, rowid DESC LIMIT 1"
    row = store.one(sql, out_trade_no)
    return Page(**dict(row)) if row else None


def trade_by_numbers(store: Store, trade_no: str, out_trade_no: str) -> Trade:
    """The trade's own number wins over the merchant's. Raises ACQ.TRADE_NOT_EXIST."""
    column, value = ("trade_no", trade_no) if trade_no else ("out_trade_no", out_trade_no)
    row = store.one(f"SELECT * FROM trades WHERE {column} = ?", value)
    if row is None:
        raise TradeError("ACQ.TRADE_NOT_EXIST")
    return Trade(**dict(row))


def refunds_of(store: Store, trade_no: str) -> list[Refund]:
    rows = store.all("SELECT * FROM refunds WHERE trade_no = ? ORDER BY id LIMIT 200", trade_no)
    return [Refund(**dict(row)) for row in rows]


def new_trade_no(now: float) -> str:
    return f"{moment(now):%Y%m%d}2200{secrets.randbelow(10**16):016d}"


def new_notify_id(now: float) -> str:
    return f"{moment(now):%Y%m%d}00222{moment(now):%H%M%S}{secrets.token_hex(12)}"
