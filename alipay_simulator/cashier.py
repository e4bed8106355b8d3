"""The cashier a buyer sees: log in or scan, look, pay or leave. Plain forms; a script only ticks the clock.

The page's state is worked out from the rows at each request (`_shown`), never from what a form claims.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from alipay_simulator import trading
from alipay_simulator.desk import Desk
from alipay_simulator.guarding import policy_for
from alipay_simulator.paying import joined_buyer, settle_page
from alipay_simulator.qr import code_image
from alipay_simulator.returning import return_address
from alipay_simulator.rows import CLOSED, WAIT, Page, Trade, TradeError, page_by_token
from alipay_simulator.speaking import page as rendered
from alipay_simulator.wallets import BUYERS, SCANNER, WRONG_TRIES, signed_in

PROBLEMS = {"ACQ.BUYER_BALANCE_NOT_ENOUGH": "poor", "ACQ.CONTEXT_INCONSISTENT": "inconsistent"}


def _page(request: Request) -> tuple[Desk, Page | None]:
    desk: Desk = request.app.state.desk
    return desk, page_by_token(desk.store, request.path_params["token"])


def _missing(request: Request) -> Response:
    return rendered(request, "missing.html", {}, status=404)


async def show(request: Request) -> Response:
    desk, page = _page(request)
    return _missing(request) if page is None else _shown(request, desk, page)


async def leave(request: Request) -> Response:
    desk, page = _page(request)
    return _missing(request) if page is None else _shown(request, desk, page, left=True)


async def log_in(request: Request) -> Response:
    desk, page = _page(request)
    if page is None:
        return _missing(request)
    form = await _form(request)
    if page.tries >= WRONG_TRIES:
        return _shown(request, desk, page, problem="locked", status=403)
    buyer = signed_in(form.get("buyer", ""), form.get("password", ""))
    if buyer is None:
        desk.store.run("UPDATE pages SET tries = tries + 1 WHERE token = ?", page.token)
        page = page_by_token(desk.store, page.token) or page
        problem = "locked" if page.tries >= WRONG_TRIES else "password"
        return _shown(request, desk, page, problem=problem, status=403)
    return _after(request, desk, page, lambda: trading.join(desk, page, buyer))


async def scan(request: Request) -> Response:
    desk, page = _page(request)
    if page is None:
        return _missing(request)
    return _after(request, desk, page, lambda: trading.join(desk, page, SCANNER, scanned=True))


def _after(request: Request, desk: Desk, page: Page, act: Any) -> Response:
    try:
        act()
    except TradeError as error:
        return _shown(request, desk, page, problem=PROBLEMS.get(error.sub_code, ""), status=409)
    return RedirectResponse(f"/cashier/{page.token}", 303)


async def pay(request: Request) -> Response:
    desk, page = _page(request)
    if page is None:
        return _missing(request)
    try:
        _, address = await settle_page(desk, request.app.state.courier, page)
    except TradeError as error:
        return _shown(request, desk, page, problem=PROBLEMS.get(error.sub_code, ""), status=409)
    return RedirectResponse(address or f"/cashier/{page.token}", 302)


async def switch_account(request: Request) -> Response:
    """Another buyer for the same trade: only the page forgets, the trade stays."""
    desk, page = _page(request)
    if page is None:
        return _missing(request)
    desk.store.run("UPDATE pages SET trade_no = NULL, scanned = 0 WHERE token = ?", page.token)
    return RedirectResponse(f"/cashier/{page.token}", 303)


async def _form(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=20))
    except ValueError:
        return {}


def _shown(
    request: Request,
    desk: Desk,
    page: Page,
    *,
    problem: str = "",
    status: int = 200,
    left: bool = False,
) -> Response:
    page = page_by_token(desk.store, page.token) or page
    trade = _trade(desk, page)
    state = _state(desk, page, trade, left)
    back = return_address(desk, page, trade) if trade is not None and trade.paid else ""
    ends_at = trade.expires_at if trade is not None else page.expires_at
    context: dict[str, Any] = {
        "page": page,
        "trade": trade,
        "state": state,
        "problem": problem,
        "back": back,
        "buyers": BUYERS,
        "buyer": joined_buyer(desk, page),
        "ends_at": ends_at,
        "left": max(0.0, ends_at - desk.now()),
        "tries_left": max(0, WRONG_TRIES - page.tries),
        "seller_id": desk.keys.seller_id,
        "qr": code_image(f"{desk.settings.origin}/cashier/{page.token}") if state == "open" else "",
    }
    policy = policy_for(page.return_url, page.quit_url)
    return rendered(request, "cashier.html", context, status=status, policy=policy)


def _trade(desk: Desk, page: Page) -> Trade | None:
    """The trade of this number, also when another page of the same purchase began it."""
    try:
        return trading.current(desk, "", page.out_trade_no)
    except TradeError:
        return None


def _state(desk: Desk, page: Page, trade: Trade | None, left: bool) -> str:
    if trade is not None and trade.status == CLOSED and not trade.paid:
        expired = trade.closed_at is not None and trade.closed_at >= trade.expires_at
        return "expired" if expired else "closed"
    if trade is not None and trade.status != WAIT:
        return "refunded" if trade.refunded == trade.fen else "paid"
    if trade is None and page.expires_at <= desk.now():
        return "expired"
    if left:
        return "left"
    return "joined" if page.trade_no else "open"
