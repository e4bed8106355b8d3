"""`Alipay`, the provider: each verb is one request, read by `reading`, silence included."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shigu.kit.money import yuan
from shigu.ledger.models import Book, account
from shigu.payments.errors import NoSuchWay
from shigu.payments.models import Attempt, Refund
from shigu.payments.provider import (
    Answer,
    BillRow,
    Event,
    Fate,
    NoBill,
    Redirect,
    RefundAnswer,
    Standing,
    Unverified,
)
from shigu.payments.providers.alipay import bill, gateway, keys, reading
from shigu.payments.providers.alipay.gateway import Reply, Silence
from shigu.payments.providers.alipay.keys import NoKeys
from shigu.payments.providers.alipay.signing import read_signed

WAP = "wap"
UNWELCOME = frozenset("/=&<>\"'\\%")


class Alipay:
    """Payments by Alipay's page on a desk and its wap page on a phone (channels `page` and `wap`)."""

    name: str | Promise = _("Alipay")
    has_cashier = has_bill = True

    def source(self, attempt: Attempt) -> int:
        """What Alipay owes the house."""
        return account(Book.CLEARING)

    def create(self, attempt: Attempt, *, return_url: str, notify_url: str) -> Redirect:
        """A signed address; nothing exists at Alipay until somebody opens it and scans or signs in."""
        wap = attempt.channel == WAP
        content = {
            "out_trade_no": attempt.out_trade_no,
            "total_amount": yuan(attempt.amount),
            "subject": subject(attempt.title) or attempt.out_trade_no,
            "product_code": "QUICK_WAP_WAY" if wap else "FAST_INSTANT_TRADE_PAY",
            "time_expire": gateway.stamp(attempt.expires_at),
        }
        method = "alipay.trade.wap.pay" if wap else "alipay.trade.page.pay"
        try:
            url = gateway.address(
                keys.load(), method, content, return_url=return_url, notify_url=notify_url
            )
        except NoKeys as problem:
            raise NoSuchWay from problem
        return Redirect(url)

    def parse_notify(self, body: bytes) -> Event:
        return reading.event(_verified(body))

    def parse_return(self, query: bytes) -> str:
        fields = _verified(query)
        if not (number := fields.get("out_trade_no", "")):
            raise Unverified("malformed")
        return number

    def is_ours(self, answer: Answer) -> bool:
        ours = keys.load()
        return answer.app_id in (None, ours.app_id) and answer.seller_id in (None, ours.seller_id)

    def query(self, out_trade_no: str) -> Answer:
        try:
            reply = _ask("alipay.trade.query", out_trade_no)
        except Silence as silence:
            return Answer(out_trade_no, Standing.UNKNOWN, said=str(silence)[:200])
        return reading.answer(out_trade_no, reply)

    def close(self, out_trade_no: str) -> Standing:
        try:
            return reading.closing(_ask("alipay.trade.close", out_trade_no))
        except Silence:
            return Standing.UNKNOWN

    def refund(self, refund: Refund) -> RefundAnswer:
        """Always with its request number: sent twice, money moves once (and the reply says `N`)."""
        content = {"refund_amount": yuan(refund.amount), "out_request_no": refund.request_no}
        try:
            reply = _ask("alipay.trade.refund", refund.attempt.out_trade_no, **content)
        except Silence as silence:
            return RefundAnswer(Fate.UNKNOWN, str(silence)[:200])
        return reading.refunding(reply)

    def query_refund(self, refund: Refund) -> RefundAnswer:
        method, number = "alipay.trade.fastpay.refund.query", refund.attempt.out_trade_no
        try:
            reply = _ask(method, number, out_request_no=refund.request_no)
        except Silence as silence:
            return RefundAnswer(Fate.UNKNOWN, str(silence)[:200])
        return reading.refund_found(refund.request_no, refund.amount, reply)

    def download_bill(self, day: date) -> Iterable[BillRow]:
        """The trade bill of a day in Beijing; there from about ten o'clock of the next."""
        method = "alipay.data.dataservice.bill.downloadurl.query"
        try:
            reply = gateway.call(
                _keys(), method, {"bill_type": "trade", "bill_date": day.isoformat()}
            )
            if not reply.ok:
                raise NoBill(reply.said)
            return bill.download(reply.text("bill_download_url"))
        except Silence as silence:
            raise NoBill(str(silence)) from silence

    def ack(self, ok: bool) -> bytes:
        return b"success" if ok else b"fail"


def subject(title: str) -> str:
    """A title without what Alipay's pages and parsers stumble over, at most 128 characters."""
    kept = (" " if char in UNWELCOME or not _plain(char) else char for char in title)
    return " ".join("".join(kept).split())[:128]


def _plain(char: str) -> bool:
    return ord(char) < 0x10000 and unicodedata.category(char)[0] != "C"


def _ask(method: str, out_trade_no: str, **content: object) -> Reply:
    return gateway.call(_keys(), method, {"out_trade_no": out_trade_no} | content)


def _keys() -> keys.Keys:
    try:
        return keys.load()
    except NoKeys as problem:
        raise Silence(str(problem)) from problem


def _verified(form: bytes) -> dict[str, str]:
    try:
        public = keys.load().public
    except NoKeys as problem:
        raise Unverified("no-keys") from problem
    return read_signed(form, public)
