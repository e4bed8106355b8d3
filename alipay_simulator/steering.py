"""/_sim/…: the JSON control API by which tests set switches, play the buyer, move the clock and look.

GET state, faults, health; POST faults, pay, scan, resend, release, remember, clock, rotate, reset. Answers are
JSON; a request that makes no sense is a 400 that says why, a refused payment a 409 with Alipay's sub_code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from alipay_simulator import announcing, trading
from alipay_simulator.courier import Courier
from alipay_simulator.desk import Desk
from alipay_simulator.faults import KNOWN, BadFault
from alipay_simulator.keyring import pair
from alipay_simulator.paying import settle_page
from alipay_simulator.remembering import NotATrade, remember
from alipay_simulator.reporting import clock_told, state
from alipay_simulator.rows import Page, Trade, TradeError, newest_page, page_by_token
from alipay_simulator.wallets import SCANNER, Buyer, buyer_of

Told = dict[str, Any]
FURTHEST = 10 * 366 * 86_400


class BadRequest(ValueError):
    """What was asked makes no sense."""


async def steer(request: Request) -> JSONResponse:
    act = ACTS.get((request.method, request.path_params["act"]))
    if act is None:
        known = ", ".join(f"{method} {name}" for method, name in ACTS)
        return JSONResponse({"error": "unknown", "message": f"known are: {known}"}, 404)
    try:
        asked = await _asked(request)
        return JSONResponse(await act(request.app.state.desk, request.app.state.courier, asked))
    except (BadRequest, BadFault, NotATrade) as problem:
        return JSONResponse({"error": "bad_request", "message": str(problem)}, 400)
    except TradeError as error:
        return JSONResponse({"error": error.sub_code, "message": error.message}, 409)


async def _asked(request: Request) -> Told:
    if request.method == "GET":
        return dict(request.query_params)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequest("send JSON with content-type application/json")
    try:
        asked = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as problem:
        raise BadRequest("the body is not JSON") from problem
    if not isinstance(asked, dict):
        raise BadRequest("the body is a JSON object")
    return asked


def _text(asked: Told, key: str) -> str:
    value = asked.get(key) or ""
    if not isinstance(value, str) or len(value) > 200:
        raise BadRequest(f"{key} is a short text")
    return value


async def _health(desk: Desk, courier: Courier, asked: Told) -> Told:
    return {"ok": True, "app_id": desk.keys.app_id, "seller_id": desk.keys.seller_id} | clock_told(
        desk
    )


async def _state(desk: Desk, courier: Courier, asked: Told) -> Told:
    limit = _text(asked, "limit") or "100"
    if not (limit.isascii() and limit.isdigit()) or not 1 <= int(limit) <= 500:
        raise BadRequest("limit is a number from 1 to 500")
    return state(desk, out_trade_no=_text(asked, "out_trade_no"), limit=int(limit))


async def _switches(desk: Desk, courier: Courier, asked: Told) -> Told:
    return {"faults": [fault.told() for fault in desk.faults.listed()], "known": KNOWN}


async def _set(desk: Desk, courier: Courier, asked: Told) -> Told:
    """One switch, a list that replaces all, or `clear` (true, or a name)."""
    clear, many = asked.get("clear"), asked.get("faults")
    with desk.store.change():
        if clear is not None or many is not None:
            desk.faults.clear(clear if isinstance(clear, str) else "")
        wanted = many if isinstance(many, list) else [asked] if "name" in asked else []
        if not wanted and clear is None and many is None:
            raise BadRequest("name a switch, a list of faults, or clear")
        for one in wanted[:100]:
            desk.faults.set(
                {key: value for key, value in one.items() if key != "clear"}
                if isinstance(one, dict)
                else one
            )
    return await _switches(desk, courier, asked)


def _named_page(desk: Desk, asked: Told) -> Page:
    token, number = _text(asked, "token"), _text(asked, "out_trade_no")
    page = page_by_token(desk.store, token) if token else newest_page(desk.store, number)
    if page is None:
        raise BadRequest("no cashier page has that token or out_trade_no")
    return page


def _named_buyer(asked: Told) -> Buyer:
    name = _text(asked, "buyer") or SCANNER.logon_id
    buyer = buyer_of(name if "@" in name else f"{name}@sandbox.test")
    if buyer is None:
        raise BadRequest("the sandbox buyers are alice, bob and carol")
    return buyer


async def _scan(desk: Desk, courier: Courier, asked: Told) -> Told:
    trade = trading.join(desk, _named_page(desk, asked), _named_buyer(asked), scanned=True)
    return _trade_told(trade)


async def _pay(desk: Desk, courier: Courier, asked: Told) -> Told:
    page = _named_page(desk, asked)
    trading.join(desk, page, _named_buyer(asked))
    trade, address = await settle_page(desk, courier, page_by_token(desk.store, page.token) or page)
    return _trade_told(trade) | {"return_url": address}


def _trade_told(trade: Trade) -> Told:
    return {
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "trade_status": trade.status,
    }


async def _resend(desk: Desk, courier: Courier, asked: Told) -> Told:
    notify_id, number = _text(asked, "notify_id"), _text(asked, "out_trade_no")
    if not notify_id and not number:
        raise BadRequest("name a notify_id or an out_trade_no")
    return {"sent": announcing.resend(desk, notify_id=notify_id, out_trade_no=number)}


async def _release(desk: Desk, courier: Courier, asked: Told) -> Told:
    return {"released": announcing.release(desk, _text(asked, "out_trade_no"))}


async def _remember(desk: Desk, courier: Courier, asked: Told) -> Told:
    """`trades` from before this simulator's time, each {out_trade_no, trade_no, fen, subject, paid_at}."""
    trades = asked.get("trades")
    if not isinstance(trades, list) or not all(isinstance(one, dict) for one in trades):
        raise BadRequest("trades is a list of objects")
    return {"new": remember(desk, trades)}


async def _clock(desk: Desk, courier: Courier, asked: Told) -> Told:
    """`offset_seconds` sets the distance from true time, `advance_seconds` adds to it."""
    wanted, base = asked.get("offset_seconds"), 0.0
    if wanted is None:
        wanted, base = asked.get("advance_seconds"), desk.clock.offset
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not math.isfinite(wanted):
        raise BadRequest("offset_seconds or advance_seconds is a number")
    if abs(base + wanted) > FURTHEST:
        raise BadRequest("no further than ten years")
    desk.move_clock(base + wanted)
    trading.tidy(desk)
    return clock_told(desk)


async def _rotate(desk: Desk, courier: Courier, asked: Told) -> Told:
    """A new Alipay key pair: signatures of before no longer verify with the new public key."""
    desk.keys.alipay = pair(desk.settings.data, "alipay", fresh=True)
    return {"alipay_public_key": "alipay_public.pem"}


async def _reset(desk: Desk, courier: Courier, asked: Told) -> Told:
    await courier.drop()
    desk.store.forget()
    desk.move_clock(0.0)
    return clock_told(desk)


ACTS: dict[tuple[str, str], Callable[[Desk, Courier, Told], Awaitable[Told]]] = {
    ("GET", "health"): _health,
    ("GET", "state"): _state,
    ("GET", "faults"): _switches,
    ("POST", "faults"): _set,
    ("POST", "scan"): _scan,
    ("POST", "pay"): _pay,
    ("POST", "resend"): _resend,
    ("POST", "release"): _release,
    ("POST", "remember"): _remember,
    ("POST", "clock"): _clock,
    ("POST", "rotate"): _rotate,
    ("POST", "reset"): _reset,
}
