"""Reads one request to /gateway.do: its parameters, who asks, and whether it is signed by them.

`read_call` returns a `Call` that may be believed, or raises `GatewayError` with Alipay's own codes. When the
signature is wrong the error shows the string that was verified, which is what a developer needs to see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from alipay_simulator.beijing import read_stamp
from alipay_simulator.desk import Desk
from alipay_simulator.rows import TradeError
from alipay_simulator.settings import reachable
from alipay_simulator.signing import request_string, verify

CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
}
LIMITS = {
    "app_id": 32,
    "method": 128,
    "format": 40,
    "return_url": 256,
    "notify_url": 256,
    "charset": 10,
    "sign_type": 10,
    "sign": 344,
    "timestamp": 19,
    "version": 3,
    "app_auth_token": 40,
}
NEEDED = ("method", "app_id", "charset", "sign_type", "sign", "timestamp", "version")
MOST_PARAMETERS = 60


class GatewayError(Exception):
    """A refusal before any business: code, sub_code, text; `signed` once the app is known."""

    def __init__(self, code: str, sub_code: str, text: str, *, signed: bool = True) -> None:
        self.code, self.sub_code, self.text, self.signed = code, sub_code, text, signed
        super().__init__(f"{code} {sub_code}: {text}")


@dataclass(frozen=True)
class Call:
    method: str
    encoding: str
    return_url: str
    notify_url: str
    content: dict[str, Any]

    def text(self, key: str, most: int, *, needed: bool = False) -> str:
        """A text of the business content; a number counts as the text it was written as."""
        value = self.content.get(key)
        if value is None or value == "":
            if needed:
                raise GatewayError("40004", "ACQ.INVALID_PARAMETER", f"参数无效：{key} 不能为空")
            return ""
        if not isinstance(value, str) or len(value) > most:
            raise GatewayError("40004", "ACQ.INVALID_PARAMETER", f"参数无效：{key}")
        return value

    def listed(self, key: str) -> list[str]:
        value = self.content.get(key)
        return [str(item) for item in value] if isinstance(value, list) else []

    @property
    def numbers(self) -> tuple[str, str]:
        """trade_no and out_trade_no, at least one of them given."""
        found = self.text("trade_no", 64), self.text("out_trade_no", 64)
        if not any(found):
            raise TradeError("ACQ.INVALID_PARAMETER")
        return found


def read_params(query: bytes, body: bytes) -> tuple[dict[str, str], str]:
    """Query and form together, decoded in the charset they themselves name."""
    pairs = [pair for part in (query, body) for pair in _split(part, "latin-1")]
    named = next((value for key, value in pairs if key == "charset"), "utf-8").lower()
    encoding = CHARSETS.get(named)
    if encoding is None:
        raise GatewayError(
            "40002", "isv.invalid-charset", f"无效的字符集：{named[:20]}", signed=False
        )
    try:
        return _single(pair for part in (query, body) for pair in _split(part, encoding)), encoding
    except UnicodeDecodeError as problem:
        raise GatewayError(
            "40002", "isv.invalid-encoding", "参数不是所声明的字符集", signed=False
        ) from problem


def _split(part: bytes, encoding: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            part.decode("latin-1"),
            keep_blank_values=True,
            encoding=encoding,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise
    except ValueError as problem:
        raise GatewayError("40002", "isv.invalid-parameter", "参数过多", signed=False) from problem


def _single(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise GatewayError(
                "40002", "isv.invalid-parameter", f"参数重复：{key[:40]}", signed=False
            )
    return found


def read_call(desk: Desk, params: dict[str, str], encoding: str) -> Call:
    _complete(params)
    if params["app_id"] != desk.keys.app_id:
        raise GatewayError("40002", "isv.invalid-app-id", "无效的AppID参数", signed=False)
    _signed(desk, params, encoding)
    _formed(desk, params)
    return Call(
        method=params["method"],
        encoding=encoding,
        return_url=_address(desk, params, "return_url"),
        notify_url=_address(desk, params, "notify_url"),
        content=_content(params.get("biz_content", "")),
    )


def _complete(params: dict[str, str]) -> None:
    for key in NEEDED:
        if not params.get(key):
            name = {"sign": "signature", "sign_type": "signature-type"}.get(
                key, key.replace("_", "-")
            )
            raise GatewayError("40001", f"isv.missing-{name}", f"缺少参数：{key}", signed=False)
    for key, most in LIMITS.items():
        if len(params.get(key, "")) > most:
            name = "signature" if key == "sign" else key.replace("_", "-")
            raise GatewayError("40002", f"isv.invalid-{name}", f"参数过长：{key}", signed=False)


def _signed(desk: Desk, params: dict[str, str], encoding: str) -> None:
    if params["sign_type"] != "RSA2":
        raise GatewayError("40002", "isv.invalid-signature-type", "无效签名类型：只支持 RSA2")
    message = request_string(params)
    if not verify(desk.keys.merchant, message.encode(encoding), params["sign"]):
        text = f"验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：{message}"
        raise GatewayError("40002", "isv.invalid-signature", text)


def _formed(desk: Desk, params: dict[str, str]) -> None:
    if params["version"] != "1.0":
        raise GatewayError("40002", "isv.invalid-version", "无效的版本号")
    if params.get("format", "JSON").upper() not in ("JSON", ""):
        raise GatewayError("40002", "isv.invalid-format", "无效的数据格式：只支持 JSON")
    told = read_stamp(params["timestamp"])
    clocks = (desk.now(), desk.now() - desk.clock.offset)
    tolerance = desk.settings.timestamp_tolerance
    if told is None or all(abs(told - clock) > tolerance for clock in clocks):
        text = "非法的时间戳参数，应为北京时间 yyyy-MM-dd HH:mm:ss"
        raise GatewayError("40002", "isv.invalid-timestamp", text)


def _address(desk: Desk, params: dict[str, str], key: str) -> str:
    url = params.get(key, "")
    if url and not reachable(desk.settings, url):
        text = f"{key} 不在模拟器允许的主机之列（默认只允许本机）"
        raise GatewayError("40002", f"isv.invalid-{key.replace('_', '-')}", text)
    return url


def _content(text: str) -> dict[str, Any]:
    """Numbers stay the text they were written as, so that 0.1+0.2 is seen for what it is."""
    try:
        content = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as problem:
        raise GatewayError(
            "40002", "isv.invalid-parameter", "biz_content 不是有效的 JSON"
        ) from problem
    if not isinstance(content, dict):
        raise GatewayError("40002", "isv.invalid-parameter", "biz_content 应为 JSON 对象")
    return content
