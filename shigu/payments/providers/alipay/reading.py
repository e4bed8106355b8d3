"""Alipay's words into ours: a trade's status into a `Standing`, yuan into fen, Beijing time into UTC.

TRADE_SUCCESS and TRADE_FINISHED mean paid, unless the message tells of a refund; TRADE_CLOSED means
nobody paid, unless it was paid before, and then all of it went back. Whatever cannot be read is
`Unverified`: it was signed, so it is for an operator and not for a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shigu.kit.money import Fen, fen
from shigu.payments.provider import Answer, Event, Fate, RefundAnswer, Standing, Unverified
from shigu.payments.providers.alipay.gateway import BEIJING, REFUSED, STAMP, Reply

PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
OF_A_REFUND = ("refund_fee", "gmt_refund", "out_biz_no")
NOT_THERE = "ACQ.TRADE_NOT_EXIST"
NOBODY_KNOWS = {"ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "isp.unknow-error"}
CLOSE_LOST = {
    "ACQ.TRADE_STATUS_ERROR",
    "ACQ.REASON_TRADE_STATUS_INVALID",
    "ACQ.TRADE_HAS_SUCCESS",
    "ACQ.TRADE_HAS_FINISHED",
}


def event(fields: Mapping[str, str]) -> Event:
    """What a verified notify says."""
    notify_id, number = _limited(fields, "notify_id", 128), _limited(fields, "out_trade_no", 64)
    status = _limited(fields, "trade_status", 32)
    standing = standing_of(status, paid_at=fields.get("gmt_payment", ""))
    if standing is not Standing.GIVEN_BACK and any(fields.get(name) for name in OF_A_REFUND):
        standing = Standing.NO_PAYMENT
    return Event(
        notify_id,
        Answer(
            out_trade_no=number,
            standing=standing,
            amount=amount(fields.get("total_amount", "")),
            app_id=fields.get("app_id", ""),
            seller_id=fields.get("seller_id", ""),
            trade_no=fields.get("trade_no", "")[:64],
            paid_at=moment(fields.get("gmt_payment", "")),
            said=status,
        ),
    )


def _limited(fields: Mapping[str, str], name: str, most: int) -> str:
    value = fields.get(name, "")
    if not value or len(value) > most:
        raise Unverified("malformed")
    return value


def standing_of(status: str, *, paid_at: str) -> Standing:
    """A trade's status, and when it was paid if it ever was."""
    if status in PAID:
        return Standing.PAID
    if status == "TRADE_CLOSED":
        return Standing.GIVEN_BACK if paid_at else Standing.CLOSED
    return Standing.WAITING if status == "WAIT_BUYER_PAY" else Standing.UNKNOWN


def amount(text: str) -> Fen | None:
    """Fen, or None for what is no amount (which never equals one)."""
    try:
        return fen(text)
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """UTC from Beijing time, milliseconds disregarded; None when it is no time."""
    try:
        return datetime.strptime(text[:19], STAMP).replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError:
        return None


def answer(number: str, reply: Reply) -> Answer:
    """What the reply to a query says of `number`."""
    if not reply.ok:
        gone = reply.code == REFUSED and reply.sub_code == NOT_THERE
        standing = Standing.NOT_CREATED if gone else Standing.UNKNOWN
        return Answer(number, standing, said=reply.said)
    if reply.text("out_trade_no") != number:
        return Answer(number, Standing.UNKNOWN, said="an answer about another number")
    status, paid = reply.text("trade_status"), reply.text("send_pay_date")
    return Answer(
        out_trade_no=number,
        standing=standing_of(status, paid_at=paid),
        amount=amount(reply.text("total_amount")),
        trade_no=reply.text("trade_no")[:64],
        paid_at=moment(paid),
        said=status[:200],
    )


def closing(reply: Reply) -> Standing:
    """What became of a request to close."""
    if reply.ok or reply.sub_code == "ACQ.TRADE_HAS_CLOSE":
        return Standing.CLOSED
    if reply.code != REFUSED:
        return Standing.UNKNOWN
    if reply.sub_code == NOT_THERE:
        return Standing.NOT_CREATED
    return Standing.PAID if reply.sub_code in CLOSE_LOST else Standing.UNKNOWN


def refunding(reply: Reply) -> RefundAnswer:
    """Only moved money is sent; a reply without it must be asked about; only a business no is a no."""
    if reply.ok:
        moved = reply.text("fund_change") == "Y"
        return RefundAnswer(Fate.SENT if moved else Fate.UNKNOWN, reply.said)
    if reply.code == REFUSED and reply.sub_code not in NOBODY_KNOWS:
        return RefundAnswer(Fate.REFUSED, reply.said)
    return RefundAnswer(Fate.UNKNOWN, reply.said)


def refund_found(request_no: str, due: Fen, reply: Reply) -> RefundAnswer:
    """Was this very refund, of this very amount, carried out?"""
    if not reply.ok:
        gone = reply.code == REFUSED and reply.sub_code == NOT_THERE
        return RefundAnswer(Fate.NOT_SENT if gone else Fate.UNKNOWN, reply.said)
    sent = amount(reply.text("refund_amount"))
    if sent is None:
        return RefundAnswer(Fate.NOT_SENT, "no such refund")
    status, number = reply.text("refund_status"), reply.text("out_request_no")
    if sent != due or number != request_no or status not in ("", "REFUND_SUCCESS"):
        return RefundAnswer(Fate.UNKNOWN, f"{status} {reply.text('refund_amount')}"[:200])
    return RefundAnswer(Fate.SENT, "REFUND_SUCCESS")
