"""The server-to-server methods of the gateway: each takes a believed `Call` and returns the answer's fields.

`METHODS` maps Alipay's method names to them. A business refusal is a `TradeError`; the caller turns it into
code 40004.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alipay_simulator import billing, refunding, trading
from alipay_simulator.beijing import stamp
from alipay_simulator.calls import Call
from alipay_simulator.desk import Desk
from alipay_simulator.rows import SUCCESS, Trade, TradeError
from alipay_simulator.wallets import SCANNER, buyer_of
from alipay_simulator.yuan import read_yuan, yuan

Fields = dict[str, Any]


def _named(trade: Trade) -> Fields:
    return {"trade_no": trade.trade_no, "out_trade_no": trade.out_trade_no}


def _buyer(trade: Trade) -> Fields:
    buyer = buyer_of(trade.buyer) or SCANNER
    return {"buyer_logon_id": buyer.masked, "buyer_user_id": buyer.user_id}


def query(desk: Desk, call: Call) -> Fields:
    trade = trading.current(desk, *call.numbers)
    amount = yuan(trade.fen)
    told = _named(trade) | _buyer(trade)
    told |= {"buyer_user_type": "PRIVATE", "trade_status": trade.status, "total_amount": amount}
    if trade.paid_at is None:
        return told | {
            "buyer_pay_amount": "0.00",
            "receipt_amount": "0.00",
            "invoice_amount": "0.00",
        }
    return told | {
        "buyer_pay_amount": amount,
        "receipt_amount": amount,
        "invoice_amount": amount,
        "point_amount": "0.00",
        "send_pay_date": stamp(trade.paid_at),
        "fund_bill_list": [{"fund_channel": "ALIPAYACCOUNT", "amount": amount}],
    }


def close(desk: Desk, call: Call) -> Fields:
    return _named(trading.close(desk, *call.numbers))


def cancel(desk: Desk, call: Call) -> Fields:
    """Undo whatever there is: nothing, an unpaid trade, or a paid one by refunding it whole."""
    trade_no, number = call.numbers
    try:
        trade = trading.current(desk, trade_no, number)
    except TradeError:
        return {"out_trade_no": number, "retry_flag": "N", "action": ""}
    told = _named(trade) | {"retry_flag": "N"}
    if trade.status == SUCCESS:
        left = trade.fen - trade.refunded
        refunding.refund(desk, trade.trade_no, "", f"{trade.out_trade_no}_cancel", left, "撤销")
        return told | {"action": "refund"}
    if not trade.paid and trade.closed_at is None:
        trading.close(desk, trade.trade_no, "")
    return told | {"action": "close"}


def refund(desk: Desk, call: Call) -> Fields:
    trade_no, number = call.numbers
    fen = read_yuan(call.content.get("refund_amount"))
    if fen is None:
        raise TradeError("ACQ.INVALID_PARAMETER")
    request_no = call.text("out_request_no", 64)
    done = refunding.refund(
        desk, trade_no, number, request_no, fen, call.text("refund_reason", 256)
    )
    hidden = desk.faults.take("refund_fund_change_n", out_trade_no=done.trade.out_trade_no)
    told = _named(done.trade) | _buyer(done.trade)
    told |= {
        "fund_change": "Y" if done.moved and hidden is None else "N",
        "refund_fee": yuan(done.trade.refunded),
        "send_back_fee": yuan(done.refund.fen),
        "gmt_refund_pay": stamp(done.refund.refunded_at),
    }
    if "refund_detail_item_list" in call.listed("query_options"):
        told["refund_detail_item_list"] = [_refund_item(done.refund.fen)]
    return told


def _refund_item(fen: int) -> Fields:
    return {"fund_channel": "ALIPAYACCOUNT", "amount": yuan(fen)}


def refund_query(desk: Desk, call: Call) -> Fields:
    """No such refund is code 10000 with nothing told: that is how Alipay says it."""
    trade = trading.current(desk, *call.numbers)
    found = refunding.find(desk, trade, call.text("out_request_no", 64, needed=True))
    if found is None:
        return {}
    told = _named(trade) | {
        "out_request_no": found.request_no,
        "refund_reason": found.reason,
        "total_amount": yuan(trade.fen),
        "refund_amount": yuan(found.fen),
        "refund_status": "REFUND_SUCCESS",
    }
    options = call.listed("query_options")
    if "gmt_refund_pay" in options:
        told["gmt_refund_pay"] = stamp(found.refunded_at)
    if "refund_detail_item_list" in options:
        told["refund_detail_item_list"] = [_refund_item(found.fen)]
    return {key: value for key, value in told.items() if value}


def bill_address(desk: Desk, call: Call) -> Fields:
    kind = call.text("bill_type", 20, needed=True)
    token = billing.offer(desk, kind, call.text("bill_date", 10, needed=True))
    return {"bill_download_url": f"{desk.settings.origin}/bill/{token}.zip"}


METHODS: dict[str, Callable[[Desk, Call], Fields]] = {
    "alipay.trade.query": query,
    "alipay.trade.close": close,
    "alipay.trade.cancel": cancel,
    "alipay.trade.refund": refund,
    "alipay.trade.fastpay.refund.query": refund_query,
    "alipay.data.dataservice.bill.downloadurl.query": bill_address,
}
