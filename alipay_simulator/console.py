"""The operator's view: trades, notifies with every attempt, the gateway's log, fault switches and the clock."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from alipay_simulator import announcing, faults, reporting, trading
from alipay_simulator.desk import Desk
from alipay_simulator.faults import BadFault
from alipay_simulator.rows import TradeError, refunds_of, trade_by_numbers
from alipay_simulator.speaking import page as rendered
from alipay_simulator.wallets import buyer_of

SHOWN = 10
FARTHEST_PAGE = 1000
STEPS = {"1m": 60.0, "15m": 900.0, "1h": 3600.0, "1d": 86_400.0, "90d": 90 * 86_400.0}
GROUPS = {
    "created": faults.CREATED,
    "sent": faults.SENT,
    "returned": faults.RETURNED,
    "answered": faults.ANSWERED,
    "refunded": faults.REFUNDED,
    "billed": faults.BILLED,
}


async def overview(request: Request) -> Response:
    return _overview(request)


def _overview(request: Request, problem: str = "", status: int = 200) -> Response:
    desk: Desk = request.app.state.desk
    trading.tidy(desk)
    at, notices_at = _place(request, "trades"), _place(request, "notifies")
    context: dict[str, Any] = {
        "clock": reporting.clock_told(desk),
        "desk": desk,
        "problem": problem,
        "gateway": f"{desk.settings.origin}/gateway.do",
        "trades": reporting.trades(desk, limit=SHOWN + 1, skip=at * SHOWN),
        "notices": reporting.notices(desk, limit=SHOWN + 1, skip=notices_at * SHOWN),
        "at": at,
        "notices_at": notices_at,
        "shown": SHOWN,
        "last": {
            n.id: reporting.attempts(desk, n, 1)
            for n in reporting.notices(desk, limit=SHOWN, skip=notices_at * SHOWN)
        },
        "calls": reporting.calls(desk, limit=SHOWN),
        "faults": desk.faults.listed(),
        "groups": GROUPS,
        "steps": list(STEPS),
        "counts": {name: desk.store.count(name) for name in ("trades", "notices")},
    }
    return rendered(request, "console.html", context, status=status)


def _place(request: Request, key: str) -> int:
    text = request.query_params.get(key, "0")
    return (
        min(int(text), FARTHEST_PAGE) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    )


async def trade(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    try:
        found = trading.current(desk, request.path_params["trade_no"], "")
    except TradeError:
        return rendered(request, "missing.html", {}, status=404)
    told = [
        (n, reporting.attempts(desk, n, 10))
        for n in reporting.notices(desk, trade_no=found.trade_no, limit=30)
    ]
    context = {
        "trade": found,
        "buyer": buyer_of(found.buyer),
        "refunds": refunds_of(desk.store, found.trade_no),
        "notices": told,
        "calls": reporting.calls(desk, out_trade_no=found.out_trade_no, limit=30),
    }
    return rendered(request, "trade.html", context)


async def notice(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    found = announcing.notice_by_id(desk, min(request.path_params["number"], 2**62))
    if found is None:
        return rendered(request, "missing.html", {}, status=404)
    context = {
        "notice": found,
        "fields": json.loads(found.fields),
        "attempts": reporting.attempts(desk, found),
        "trade": trade_by_numbers(desk.store, found.trade_no, ""),
    }
    return rendered(request, "notice.html", context)


async def act(request: Request) -> Response:
    """The console's own buttons; the page they came from is shown again."""
    desk: Desk = request.app.state.desk
    form = await _form(request)
    try:
        _do(desk, request.path_params["act"], form)
    except BadFault as problem:
        return _overview(request, problem=str(problem), status=400)
    back = form.get("back", "/")
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    return RedirectResponse(back if safe else "/", 303)


def _do(desk: Desk, name: str, form: dict[str, str]) -> None:
    number = (
        int(form["id"]) if form.get("id", "").isascii() and form.get("id", "")[:15].isdigit() else 0
    )
    match name:
        case "resend" if number:
            announcing.resend(desk, number=number)
        case "release":
            announcing.release(desk)
        case "clock":
            step = STEPS.get(form.get("step", ""))
            desk.move_clock(desk.clock.offset + step if step else 0.0)
        case "fault":
            desk.faults.set(_switch(form))
        case "clear":
            desk.faults.clear(number=number)
        case _:
            raise BadFault("unknown act")


def _switch(form: dict[str, str]) -> dict[str, Any]:
    """A form's texts as a switch; what is left empty is left out."""
    wanted: dict[str, Any] = {}
    for key in ("name", "method", "out_trade_no", "value"):
        if form.get(key, "").strip():
            wanted[key] = form[key].strip()
    for key in ("times", "count", "seconds"):
        if form.get(key, "").strip():
            try:
                wanted[key] = float(form[key]) if key == "seconds" else int(form[key])
            except ValueError as problem:
                raise BadFault(f"{key} is a number") from problem
    return wanted


async def _form(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=20))
    except ValueError:
        return {}
