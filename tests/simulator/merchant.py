"""A merchant written from the protocol alone: it signs, calls, and verifies with code of its own.

Nothing of the simulator's is imported here, so that a mistake shared by both sides cannot hide.
"""

from __future__ import annotations

import base64
import functools
import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


def beijing(offset: float = 0) -> str:
    """Beijing's wall clock, so many seconds from now."""
    return f"{datetime.now(UTC) + timedelta(hours=8, seconds=offset):%Y-%m-%d %H:%M:%S}"


@functools.lru_cache(maxsize=32)
def _private(pem: bytes) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


@functools.lru_cache(maxsize=32)
def _public(pem: bytes) -> RSAPublicKey:
    key = serialization.load_pem_public_key(pem)
    assert isinstance(key, RSAPublicKey)
    return key


def signature_holds(public_pem: bytes, message: bytes, signature: str) -> bool:
    given = base64.b64decode(signature) if len(signature) % 4 == 0 else b""
    try:
        _public(public_pem).verify(given, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass
class Merchant:
    gateway: str
    app_id: str
    seller_id: str
    private_key: Path
    public_key: Path
    notify_url: str
    http: httpx.Client

    def sign(self, params: dict[str, str], charset: str = "utf-8") -> str:
        filled = sorted((k, v) for k, v in params.items() if v != "" and k != "sign")
        message = "&".join(k + "=" + v for k, v in filled).encode(charset)
        key = _private(self.private_key.read_bytes())
        return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()

    def params(self, method: str, content: dict[str, Any], **common: str) -> dict[str, str]:
        params = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
        } | common
        return params | {"sign": self.sign(params, params["charset"])}

    def post(self, params: dict[str, str], **more: Any) -> httpx.Response:
        return self.http.post(self.gateway, data=params, **more)

    def call(self, method: str, **content: Any) -> dict[str, Any]:
        """A verified answer's node."""
        return self.read(method, self.post(self.params(method, content)))

    def read(self, method: str, response: httpx.Response) -> dict[str, Any]:
        raw = response.content
        name = method.replace(".", "_") + "_response"
        begin = raw.index(b'"%s":' % name.encode()) + len(name) + 3
        end = raw.rindex(b',"sign":"')
        node = raw[begin:end]
        signature = json.loads(raw)["sign"]
        assert signature_holds(self.public_key.read_bytes(), node, signature), raw
        return json.loads(node)  # type: ignore[no-any-return]

    def believes(self, fields: dict[str, str]) -> bool:
        """Does a notify or a return carry Alipay's signature?"""
        told = {k: v for k, v in fields.items() if k not in ("sign", "sign_type")}
        message = "&".join(f"{k}={v}" for k, v in sorted(told.items())).encode()
        pem = self.public_key.read_bytes()
        return fields.get("sign_type") == "RSA2" and signature_holds(pem, message, fields["sign"])

    def page(self, number: str, amount: str = "12.30", **more: Any) -> str:
        """Open a cashier page; its address."""
        response = self.post(self.page_params(number, amount, **more))
        assert response.status_code == 302, response.text
        return response.headers["location"]  # type: ignore[no-any-return]

    def page_params(self, number: str, amount: str = "12.30", **more: Any) -> dict[str, str]:
        wap = more.pop("wap", False)
        common = {k: more.pop(k) for k in ("return_url", "charset", "timestamp") if k in more}
        common["notify_url"] = more.pop("notify_url", self.notify_url)
        content = {
            "out_trade_no": number,
            "total_amount": amount,
            "subject": more.pop("subject", "柴烧茶壶 & 茶则 {一套} +1"),
            "product_code": "QUICK_WAP_WAY" if wap else "FAST_INSTANT_TRADE_PAY",
        } | more
        method = "alipay.trade.wap.pay" if wap else "alipay.trade.page.pay"
        return self.params(method, content, **common)


@dataclass
class Post:
    """One notify as it arrived."""

    fields: dict[str, str]
    at: float


class Till:
    """A merchant's notify address: answers what it is told to answer, remembers what came."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answer: tuple[int, bytes, dict[str, str]] = (200, b"success", {})
        self.slow = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def of(self, number: str) -> list[dict[str, str]]:
        return [post.fields for post in self.posts if post.fields.get("out_trade_no") == number]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        till = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                fields = dict(parse_qsl(body, keep_blank_values=True))
                till.posts.append(Post(fields, time.monotonic()))
                time.sleep(till.slow)
                status, answer, headers = till.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                return

        return Handler
