"""alipay.trade.page.pay and alipay.trade.wap.pay: from a signed request to a cashier page.

Nothing is a trade yet: the page is a promise that can be kept until its time is up.
"""

from __future__ import annotations

import re
import secrets

from alipay_simulator import trading
from alipay_simulator.beijing import end_of_day, read_stamp
from alipay_simulator.calls import Call, GatewayError
from alipay_simulator.desk import Desk
from alipay_simulator.rows import PAGE, WAP, Page
from alipay_simulator.settings import MAX_TERM, reachable
from alipay_simulator.yuan import read_yuan

KINDS = {"alipay.trade.page.pay": PAGE, "alipay.trade.wap.pay": WAP}
PRODUCTS = {PAGE: "FAST_INSTANT_TRADE_PAY", WAP: "QUICK_WAP_WAY"}
_NUMBER = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_TERM = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


def open_cashier(desk: Desk, call: Call) -> Page:
    page = _page(desk, call, KINDS[call.method])
    trading.open_page(desk, page)
    return page


def _page(desk: Desk, call: Call, kind: str) -> Page:
    if call.text("product_code", 64, needed=True) != PRODUCTS[kind]:
        raise _wrong("product_code", f"应为 {PRODUCTS[kind]}")
    number = call.text("out_trade_no", 64, needed=True)
    if not _NUMBER.fullmatch(number):
        raise _wrong("out_trade_no", "只能是字母、数字、下划线")
    fen = read_yuan(call.content.get("total_amount"))
    if fen is None:
        raise _wrong("total_amount", "单位为元，最多两位小数，0.01 到 100000000")
    now = desk.now()
    return Page(
        token=secrets.token_urlsafe(18),
        kind=kind,
        out_trade_no=number,
        fen=fen,
        subject=call.text("subject", 256, needed=True),
        body=call.text("body", 400),
        passback=call.text("passback_params", 512),
        return_url=call.return_url,
        notify_url=call.notify_url,
        quit_url=_quit_url(desk, call),
        opened_at=now,
        expires_at=_expiry(call, now),
        trade_no=None,
        tries=0,
        scanned=0,
    )


def _wrong(key: str, why: str) -> GatewayError:
    return GatewayError("40004", "ACQ.INVALID_PARAMETER", f"参数无效：{key} {why}")


def _quit_url(desk: Desk, call: Call) -> str:
    url = call.text("quit_url", 400) or call.text("request_from_url", 400)
    return url if url and reachable(desk.settings, url) else ""


def _expiry(call: Call, now: float) -> float:
    """time_expire wins over timeout_express; without either the page lives fifteen days."""
    until = call.text("time_expire", 19)
    if until:
        at = read_stamp(until, minutes_too=True)
        if at is None or at > now + MAX_TERM:
            raise _wrong("time_expire", "应为 yyyy-MM-dd HH:mm:ss（北京时间），不超过 15 天")
        return at
    return _after(call.text("timeout_express", 6) or "15d", now)


def _after(term: str, now: float) -> float:
    if term == "1c":
        return end_of_day(now)
    found = _TERM.fullmatch(term)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 60 <= seconds <= MAX_TERM:
        raise _wrong("timeout_express", "应为 1m 到 15d，或 1c")
    return now + seconds
