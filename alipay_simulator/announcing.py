"""What a merchant is told of a trade: `announce` queues one notify, `resend` and `release` let one go again.

The fields are written down when the event happens; time, signature and deliberate flaws are added at each
delivery. PC trades tell only of TRADE_SUCCESS (paid, and again on each partial refund); wap trades also
of TRADE_CLOSED and TRADE_FINISHED. Blank parameters are never sent.
"""

from __future__ import annotations

import json

from alipay_simulator.beijing import stamp, stamp_ms
from alipay_simulator.desk import Desk
from alipay_simulator.rows import PAGE, SUCCESS, Notice, Refund, Trade, new_notify_id
from alipay_simulator.wallets import SCANNER, buyer_of
from alipay_simulator.yuan import yuan

PENDING, HELD, LOST, DONE, GIVEN_UP = "pending", "held", "lost", "done", "given_up"


def announce(desk: Desk, trade: Trade, refund: Refund | None = None) -> int | None:
    """Queue a notify inside the caller's transaction; its id, None when nothing is to be told."""
    if not trade.notify_url or (trade.kind == PAGE and trade.status != SUCCESS):
        return None
    now = desk.now()
    number = trade.out_trade_no
    duplicate = desk.faults.take("notify_duplicate", out_trade_no=number)
    status, due_at = _first_due(desk, number, now)
    notice = desk.store.insert(
        "notices",
        notify_id=new_notify_id(now),
        trade_no=trade.trade_no,
        out_trade_no=number,
        url=trade.notify_url,
        fields=json.dumps(_fields(desk, trade, refund)),
        status=status,
        due_at=due_at,
        copies=duplicate.count if duplicate else 1,
        created_at=now,
    )
    desk.wake.set()
    return notice


def _first_due(desk: Desk, number: str, now: float) -> tuple[str, float | None]:
    if desk.faults.take("notify_lost", out_trade_no=number):
        return LOST, None
    delayed = desk.faults.take("notify_delayed", out_trade_no=number)
    if delayed is None:
        return PENDING, now
    return (HELD, None) if delayed.seconds is None else (PENDING, now + delayed.seconds)


def _fields(desk: Desk, trade: Trade, refund: Refund | None) -> dict[str, str]:
    buyer = buyer_of(trade.buyer) or SCANNER
    told = {
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": desk.keys.app_id,
        "auth_app_id": desk.keys.app_id,
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_id": buyer.user_id,
        "buyer_logon_id": buyer.masked,
        "seller_id": desk.keys.seller_id,
        "seller_email": "seller@sandbox.test",
        "trade_status": trade.status,
        "total_amount": yuan(trade.fen),
        "subject": trade.subject,
        "body": trade.body,
        "passback_params": trade.passback,
        "gmt_create": stamp(trade.created_at),
    }
    told |= _paid_fields(trade) | (_refund_fields(trade, refund) if refund else {})
    if trade.closed_at is not None:
        told["gmt_close"] = stamp(trade.closed_at)
    return {key: value for key, value in told.items() if value}


def _paid_fields(trade: Trade) -> dict[str, str]:
    if trade.paid_at is None:
        return {}
    amount = yuan(trade.fen)
    wallet = [{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}]
    return {
        "gmt_payment": stamp(trade.paid_at),
        "receipt_amount": amount,
        "invoice_amount": amount,
        "buyer_pay_amount": amount,
        "point_amount": "0.00",
        "fund_bill_list": json.dumps(wallet, separators=(",", ":")),
    }


def _refund_fields(trade: Trade, refund: Refund) -> dict[str, str]:
    return {
        "refund_fee": yuan(trade.refunded),
        "send_back_fee": yuan(refund.fen),
        "gmt_refund": stamp_ms(refund.refunded_at),
        "out_biz_no": refund.request_no,
    }


def notice_by_id(desk: Desk, number: int) -> Notice | None:
    row = desk.store.one("SELECT * FROM notices WHERE id = ?", number)
    return Notice(**dict(row)) if row else None


def release(desk: Desk, out_trade_no: str = "") -> int:
    """Let held notifies go now; how many."""
    count = desk.store.run(
        "UPDATE notices SET status = 'pending', due_at = ? WHERE status = 'held' AND ? IN ('', out_trade_no)",
        desk.now(),
        out_trade_no,
    )
    desk.wake.set()
    return count


def resend(desk: Desk, *, notify_id: str = "", out_trade_no: str = "", number: int = 0) -> int:
    """Send again now, whatever became of it: same notify_id, fresh time. How many."""
    count = desk.store.run(
        """UPDATE notices SET status = 'pending', due_at = ?, copies = 1, sent = min(sent, 7)
           WHERE notify_id = ? OR out_trade_no = ? OR id = ?""",
        desk.now(),
        notify_id,
        out_trade_no or "-",
        number,
    )
    desk.wake.set()
    return count
