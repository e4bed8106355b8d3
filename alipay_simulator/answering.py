"""The gateway's answers, byte for byte: the node, its signature over exactly those bytes, and their faults.

`answer(desk, call)` carries a method out and writes the reply; `refusal` writes the one for a request that
was not believed. `Answer` is what goes onto the wire, possibly late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alipay_simulator.calls import Call, GatewayError
from alipay_simulator.desk import Desk
from alipay_simulator.faults import ANSWERED, Fault
from alipay_simulator.methods import METHODS
from alipay_simulator.rows import TradeError
from alipay_simulator.signing import sign

JSON_TYPE, HTML_TYPE = "application/json", "text/html"
EXECUTED = {"gateway_timeout", "gateway_truncated", "gateway_answer_lost", "gateway_sign_bad"}
KEPT_CALLS = 500
MESSAGES = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40006": "Insufficient Permissions",
}
HTML_PAGE = (
    "<html><head><title>系统维护中</title></head><body><h1>系统维护中</h1></body></html>".encode()
)


@dataclass(frozen=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    after: float = 0.0  # seconds to wait before it is sent


def node_name(method: str) -> str:
    return method.replace(".", "_") + "_response"


def written(
    desk: Desk, name: str, fields: Mapping[str, Any], encoding: str, *, signed: bool = True
) -> bytes:
    node = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(encoding, "replace")
    if not signed:
        return b'{"%s":%s}' % (name.encode(), node)
    return b'{"%s":%s,"sign":"%s"}' % (name.encode(), node, sign(desk.keys.alipay, node).encode())


def failed(code: str, sub_code: str, text: str) -> dict[str, str]:
    return {"code": code, "msg": MESSAGES.get(code, "Error"), "sub_code": sub_code, "sub_msg": text}


def refusal(desk: Desk, method: str, error: GatewayError, encoding: str = "utf-8") -> Answer:
    known = method in METHODS
    name = node_name(method) if known else "error_response"
    note(desk, method[:128], "", error.code, error.sub_code)
    told = failed(error.code, error.sub_code, error.text)
    return Answer(written(desk, name, told, encoding, signed=error.signed and known))


def answer(desk: Desk, call: Call) -> Answer:
    number = _subject(desk, call)
    fault = desk.faults.take(*ANSWERED, out_trade_no=number, method=call.method)
    fields = _carried_out(desk, call) if _executes(fault) else {"code": "", "sub_code": ""}
    note(
        desk,
        call.method,
        number,
        fields["code"],
        fields.get("sub_code", ""),
        fault.name if fault else "",
    )
    if fault is None:
        return Answer(written(desk, node_name(call.method), fields, call.encoding))
    return _faulty(desk, call, fault, fields)


def _subject(desk: Desk, call: Call) -> str:
    """The merchant's number the call is about, for switches limited to one purchase."""
    number, trade_no = call.content.get("out_trade_no"), call.content.get("trade_no")
    if isinstance(trade_no, str) and trade_no:
        row = desk.store.one("SELECT out_trade_no FROM trades WHERE trade_no = ?", trade_no[:64])
        return str(row["out_trade_no"]) if row else ""
    return number[:64] if isinstance(number, str) else ""


def _executes(fault: Fault | None) -> bool:
    if fault is None:
        return True
    return fault.name in EXECUTED if fault.execute is None else fault.execute


def _carried_out(desk: Desk, call: Call) -> dict[str, Any]:
    try:
        return {"code": "10000", "msg": MESSAGES["10000"]} | METHODS[call.method](desk, call)
    except TradeError as error:
        return failed("40004", error.sub_code, error.message)
    except GatewayError as error:
        return failed(error.code, error.sub_code, error.text)


def _faulty(desk: Desk, call: Call, fault: Fault, fields: dict[str, Any]) -> Answer:
    name = node_name(call.method)
    whole = Answer(written(desk, name, fields, call.encoding), after=fault.seconds or 0.0)
    match fault.name:
        case "gateway_timeout":
            return replace(whole, after=30.0 if fault.seconds is None else fault.seconds)
        case "gateway_500":
            return replace(
                whole, body=b"Internal Server Error", status=500, content_type="text/plain"
            )
        case "gateway_truncated":
            return replace(whole, body=whole.body[: len(whole.body) * 2 // 3])
        case "gateway_html":
            return replace(whole, body=HTML_PAGE, content_type=HTML_TYPE)
        case "gateway_answer_lost":
            return replace(whole, body=b"", status=504, content_type="text/plain")
        case _:
            return replace(whole, body=_lying(desk, call, fault, fields))


def _lying(desk: Desk, call: Call, fault: Fault, fields: dict[str, Any]) -> bytes:
    name = node_name(call.method)
    if fault.name == "gateway_unsigned_error":
        told = failed("20000", "isp.unknow-error", "系统繁忙")
        return written(desk, "error_response", told, call.encoding, signed=False)
    if fault.name == "gateway_sign_bad":
        other = written(desk, name, fields | {"msg": "success"}, call.encoding)
        return other.replace(b'"msg":"success"', b'"msg":"Success"', 1)
    sub_code = (
        (fault.value or "ACQ.SYSTEM_ERROR")
        if fault.name == "gateway_sub_code"
        else "ACQ.SYSTEM_ERROR"
    )
    told = failed("40004", sub_code, TradeError(sub_code).message)
    return written(desk, name, told, call.encoding)


def note(desk: Desk, method: str, number: str, code: str, sub_code: str, fault: str = "") -> None:
    """One line in the gateway's log, of which the newest few hundred are kept."""
    row = desk.store.insert(
        "calls",
        at=desk.now(),
        method=method,
        out_trade_no=number,
        code=code,
        sub_code=sub_code,
        fault=fault,
    )
    desk.store.run("DELETE FROM calls WHERE id <= ?", row - KEPT_CALLS)
