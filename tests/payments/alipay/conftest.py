"""Keys of both sides in memory and a gateway that answers whatever a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa

from alipay_simulator.signing import sign
from shigu import clock

NOW = datetime(2026, 11, 21, 16, 30, 15, tzinfo=UTC)
"""Half past midnight of the next day in Beijing."""


@dataclass
class Gateway:
    """What it is asked, and what it will answer: bytes, status, and how slowly."""

    url: str
    key: rsa.RSAPrivateKey
    asked: list[dict[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def says(self, method: str, node: dict[str, Any] | bytes) -> None:
        """A signed answer; bytes are the node's own, to be taken as they are."""
        name = method.replace(".", "_") + "_response"
        raw = node if isinstance(node, bytes) else json.dumps(node, ensure_ascii=False).encode()
        self.body = b'{"%s":%s,"sign":"%s"}' % (name.encode(), raw, sign(self.key, raw).encode())


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        gateway: Gateway = self.server.gateway  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        gateway.asked.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        gateway.methods.append(f"{self.command} {self.path}")
        gateway.stop.wait(gateway.wait)
        self.send_response(gateway.status)
        for name, value in gateway.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(gateway.body)))
        self.end_headers()
        for place in range(len(gateway.body)) if gateway.drip else ():
            self.wfile.write(gateway.body[place : place + 1])
            self.wfile.flush()
            if gateway.stop.wait(gateway.drip):
                return
        if not gateway.drip:
            self.wfile.write(gateway.body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="session")
def pairs() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    """Alipay's and the shop's."""
    return tuple(rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "ab")  # type: ignore[return-value]


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    kind = ser.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(ser.Encoding.PEM, kind)


@pytest.fixture
def configured(pairs: Any, settings: Any, tmp_path: Path) -> Any:
    """A shop configured by files, as in production."""
    alipay, shop = pairs
    (tmp_path / "alipay.pem").write_bytes(public_pem(alipay))
    (tmp_path / "shop.pem").write_bytes(private_pem(shop))
    settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID = "2021000000000001", "2088000000000001"
    settings.ALIPAY_PUBLIC_KEY_FILE = str(tmp_path / "alipay.pem")
    settings.ALIPAY_PRIVATE_KEY_FILE = str(tmp_path / "shop.pem")
    settings.ALIPAY_TIMEOUT = timedelta(seconds=0.5)
    return settings


@pytest.fixture
def gateway(pairs: Any, configured: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway under Alipay's key at a fixed moment."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Gateway(f"http://127.0.0.1:{server.server_port}/gateway.do", pairs[0])
    server.gateway = found  # type: ignore[attr-defined]
    configured.ALIPAY_GATEWAY = found.url
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield found
    found.stop.set()
    server.shutdown()
    server.server_close()
    thread.join(10)
