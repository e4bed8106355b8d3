"""The life of a trade: it begins when a buyer joins the cashier page, not when the page is opened.

`open_page` only promises that something can be paid; `join` (log in or scan) makes the trade; `pay`, `close`
and the clock (`tidy`) compete for it, each in one transaction with a compare-and-set on its status. Every verb
first applies what the clock has already decided, so a late tick never changes an outcome.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from alipay_simulator.announcing import announce
from alipay_simulator.desk import Desk
from alipay_simulator.rows import (
    CLOSED,
    FINISHED,
    SUCCESS,
    WAIT,
    Page,
    Trade,
    TradeError,
    new_trade_no,
    page_by_token,
    trade_by_numbers,
)
from alipay_simulator.wallets import Buyer

AT_ONCE = 200


def open_page(desk: Desk, page: Page) -> None:
    with desk.store.change():
        tidy(desk)
        _fits(desk, page)
        desk.store.insert("pages", **asdict(page))


def _fits(desk: Desk, page: Page) -> Trade | None:
    """The trade already made under this number, if the page tells of the same purchase."""
    try:
        trade = trade_by_numbers(desk.store, "", page.out_trade_no)
    except TradeError:
        return None
    if (trade.fen, trade.subject) != (page.fen, page.subject):
        raise TradeError("ACQ.CONTEXT_INCONSISTENT")
    return trade


def join(desk: Desk, page: Page, buyer: Buyer, *, scanned: bool = False) -> Trade:
    """A buyer logged in or scanned: from now on query and close know the trade."""
    with desk.store.change():
        tidy(desk)
        trade = _fits(desk, page) or _begin(desk, page, buyer)
        _still_payable(trade)
        desk.store.run(
            "UPDATE pages SET trade_no = ?, scanned = ? WHERE token = ?",
            trade.trade_no,
            scanned,
            page.token,
        )
        desk.store.run(
            "UPDATE trades SET buyer = ? WHERE trade_no = ?", buyer.logon_id, trade.trade_no
        )
    return replace(trade, buyer=buyer.logon_id)


def _still_payable(trade: Trade) -> None:
    if trade.status == CLOSED:
        expired = (
            not trade.paid and trade.closed_at is not None and trade.closed_at >= trade.expires_at
        )
        raise TradeError("SIM.EXPIRED" if expired else "ACQ.TRADE_HAS_CLOSE")
    if trade.status != WAIT:
        raise TradeError("ACQ.TRADE_HAS_SUCCESS")


def _begin(desk: Desk, page: Page, buyer: Buyer) -> Trade:
    now = desk.now()
    if page.expires_at <= now:
        raise TradeError("SIM.EXPIRED")
    trade = Trade(
        trade_no=new_trade_no(now),
        out_trade_no=page.out_trade_no,
        kind=page.kind,
        status=WAIT,
        fen=page.fen,
        subject=page.subject,
        body=page.body,
        passback=page.passback,
        return_url=page.return_url,
        notify_url=page.notify_url,
        buyer=buyer.logon_id,
        created_at=now,
        expires_at=page.expires_at,
        paid_at=None,
        closed_at=None,
        finish_at=None,
        refunded=0,
    )
    desk.store.insert("trades", **asdict(trade))
    return trade


def pay(desk: Desk, page: Page, buyer: Buyer | None) -> tuple[Trade, int | None]:
    """Take the (imaginary) money: the paid trade and the notify that tells of it."""
    with desk.store.change():
        tidy(desk)
        fresh = page_by_token(desk.store, page.token)
        if fresh is None or fresh.trade_no is None:
            raise TradeError("ACQ.TRADE_NOT_EXIST")
        trade = trade_by_numbers(desk.store, fresh.trade_no, "")
        _still_payable(trade)
        if buyer is not None and not buyer.solvent:
            raise TradeError("ACQ.BUYER_BALANCE_NOT_ENOUGH")
        now = desk.now()
        _turn(desk, trade, WAIT, SUCCESS, paid_at=now, finish_at=now + desk.settings.refund_window)
        trade = trade_by_numbers(desk.store, trade.trade_no, "")
        return trade, announce(desk, trade)


def close(desk: Desk, trade_no: str, out_trade_no: str) -> Trade:
    with desk.store.change():
        tidy(desk)
        trade = trade_by_numbers(desk.store, trade_no, out_trade_no)
        if trade.status == CLOSED:
            raise TradeError("ACQ.TRADE_HAS_CLOSE")
        _turn(desk, trade, WAIT, CLOSED, closed_at=desk.now())
        trade = trade_by_numbers(desk.store, trade.trade_no, "")
        announce(desk, trade)
        return trade


def _turn(desk: Desk, trade: Trade, before: str, after: str, **times: float) -> None:
    """Change the status only if it is still what we think: of two at once, one is refused."""
    marks = "".join(f", {name} = ?" for name in times)
    sql = f"UPDATE trades SET status = ?{marks} WHERE trade_no = ? AND status = ?"
    if not desk.store.run(sql, after, *times.values(), trade.trade_no, before):
        raise TradeError("ACQ.TRADE_STATUS_ERROR")


def tidy(desk: Desk) -> None:
    """Close what was not paid in time, finish what is past its refund window."""
    now = desk.now()
    with desk.store.change():
        sql = "SELECT * FROM trades WHERE status = ? AND {} <= ? LIMIT ?"
        for row in desk.store.all(sql.format("expires_at"), WAIT, now, AT_ONCE):
            _ended(desk, Trade(**dict(row)), WAIT, CLOSED)
        for row in desk.store.all(sql.format("finish_at"), SUCCESS, now, AT_ONCE):
            _ended(desk, Trade(**dict(row)), SUCCESS, FINISHED)
        desk.store.run("DELETE FROM bills WHERE expires_at <= ?", now)


def _ended(desk: Desk, trade: Trade, before: str, after: str) -> None:
    times = {"closed_at": trade.expires_at} if after == CLOSED else {}
    _turn(desk, trade, before, after, **times)
    announce(desk, trade_by_numbers(desk.store, trade.trade_no, ""))


def current(desk: Desk, trade_no: str, out_trade_no: str) -> Trade:
    """The trade as it stands this instant."""
    with desk.store.change():
        tidy(desk)
        return trade_by_numbers(desk.store, trade_no, out_trade_no)
