"""The way back to the merchant: a signed GET. It names no trade_status, for a return is not a proof."""

from __future__ import annotations

from urllib.parse import urlencode

from alipay_simulator.beijing import stamp
from alipay_simulator.desk import Desk
from alipay_simulator.flaws import bad_signature, tampered
from alipay_simulator.rows import Page, Trade
from alipay_simulator.signing import notice_string, sign
from alipay_simulator.yuan import yuan


def return_address(desk: Desk, page: Page, trade: Trade, *, fresh: bool = False) -> str:
    """Where the browser goes after paying, empty when the merchant named no address.

    `fresh` is the redirect itself, which the return switches may spoil; a link shown later is always whole.
    """
    if not page.return_url:
        return ""
    number = trade.out_trade_no
    if fresh and desk.faults.take("return_lost", out_trade_no=number):
        return ""
    fields = {
        "charset": "utf-8",
        "method": f"alipay.trade.{page.kind}.pay.return",
        "version": "1.0",
        "timestamp": stamp(desk.now()),
        "app_id": desk.keys.app_id,
        "auth_app_id": desk.keys.app_id,
        "seller_id": desk.keys.seller_id,
        "trade_no": trade.trade_no,
        "out_trade_no": number,
        "total_amount": yuan(trade.fen),
    }
    fields |= {"sign_type": "RSA2", "sign": sign(desk.keys.alipay, notice_string(fields).encode())}
    if fresh and desk.faults.take("return_sign_bad", out_trade_no=number):
        fields = bad_signature(desk, fields)
    if fresh and desk.faults.take("return_tampered", out_trade_no=number):
        fields = tampered(desk, fields)
    address, _, fragment = page.return_url.partition("#")
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode(fields)}" + (f"#{fragment}" if fragment else "")
