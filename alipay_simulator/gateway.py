"""GET|POST /gateway.do and the bill's download: what a merchant's server and a buyer's browser reach first."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from alipay_simulator import answering
from alipay_simulator.answering import Answer, answer, refusal
from alipay_simulator.billing import packed
from alipay_simulator.calls import Call, GatewayError, read_call, read_params
from alipay_simulator.desk import Desk
from alipay_simulator.methods import METHODS
from alipay_simulator.paging import KINDS, open_cashier
from alipay_simulator.rows import TradeError
from alipay_simulator.speaking import page


async def gateway(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    method, encoding = "", "utf-8"
    try:
        body = await request.body() if request.method == "POST" else b""
        params, encoding = read_params(request.scope["query_string"], body)
        method = params.get("method", "")
        call = read_call(desk, params, encoding)
        if method in KINDS:
            return await _cashier(request, desk, call)
        if method not in METHODS:
            raise GatewayError("40002", "isv.invalid-method", f"不存在的方法名：{method[:128]}")
        return await _sent(answer(desk, call), encoding)
    except GatewayError as error:
        if method in KINDS:
            return _error_page(request, desk, method, error)
        return await _sent(refusal(desk, method, error, encoding), encoding)


async def _cashier(request: Request, desk: Desk, call: Call) -> Response:
    number = str(call.content.get("out_trade_no", ""))[:64]
    broken = desk.faults.take("gateway_500", out_trade_no=number, method=call.method)
    if broken is not None:
        return Response("Internal Server Error", 500, media_type="text/plain")
    try:
        opened = open_cashier(desk, call)
    except TradeError as error:
        raise GatewayError("40004", error.sub_code, error.message) from error
    answering.note(desk, call.method, opened.out_trade_no, "10000", "")
    return RedirectResponse(f"/cashier/{opened.token}", 302)


def _error_page(request: Request, desk: Desk, method: str, error: GatewayError) -> Response:
    answering.note(desk, method, "", error.code, error.sub_code)
    told = {"code": error.code, "sub_code": error.sub_code, "text": error.text}
    return page(request, "refused.html", told, status=400)


async def _sent(reply: Answer, encoding: str) -> Response:
    if reply.after:
        await asyncio.sleep(reply.after)
    charset = "utf-8" if reply.content_type == answering.HTML_TYPE else encoding
    return Response(
        reply.body, reply.status, {"content-type": f"{reply.content_type};charset={charset}"}
    )


async def bill(request: Request) -> Response:
    desk: Desk = request.app.state.desk
    content = packed(desk, request.path_params["token"])
    if content is None:
        return Response(
            "the link is unknown or its 30 seconds are over", 403, media_type="text/plain"
        )
    headers = {"content-disposition": 'attachment; filename="bill.zip"'}
    return Response(content, 200, headers, "application/zip")
